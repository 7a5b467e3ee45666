package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gomine/mine/preprocess"
)

// coded writes rows of a word, of a whole number, of a word for each four rows, and of a number.
func coded(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("colour,zip,patient,y\n")
	for i := range 400 {
		fmt.Fprintf(&b, "%s,%d,P%d,%d\n", []string{"red", "green", "blue"}[i%3], 10+i%7, i/4, i*i%101)
	}
	return file(t, "coded.csv", b.String())
}

// TestCategorical estimates with columns of words, and of numbers that are codes, which the
// result names.
func TestCategorical(t *testing.T) {
	path := coded(t)
	args := append([]string{"estimate", path, "--x", "colour,zip", "--z", "y", "--categorical", "zip", "--group", "patient"}, smallCPU...)
	got, _ := answered(t, args...)
	want := []preprocess.Coded{{Name: "colour", Distinct: 3}, {Name: "zip", Distinct: 7}}
	if fmt.Sprint(got.X.Codes) != fmt.Sprint(want) || got.Z.Codes != nil {
		t.Errorf("codes %+v and %+v, want %+v", got.X.Codes, got.Z.Codes, want)
	}
	if got.Split.Units != 100 || got.Input.Group != "patient" || fmt.Sprint(got.Input.Categorical) != "[zip]" {
		t.Errorf("%d groups, input %+v", got.Split.Units, got.Input)
	}
	code, stdout, stderr := try(t, "", args...)
	if says := "colour as 3 codes, zip as 7 codes"; code != exitOK || !strings.Contains(strings.Join(strings.Fields(stdout), " "), says) {
		t.Errorf("exit %d: %s: no %q in\n%s", code, stderr, says, stdout)
	}
	// Of two files, either may have it.
	second := file(t, "z.csv", "site\n"+strings.Repeat("1\n2\n2\n3\n", 100))
	got, _ = answered(t, append([]string{"estimate", path, second, "--x", "zip", "--categorical", "zip,site"}, smallCPU...)...)
	if len(got.X.Codes) != 1 || len(got.Z.Codes) != 1 || got.Z.Codes[0].Distinct != 3 {
		t.Errorf("codes %+v and %+v", got.X.Codes, got.Z.Codes)
	}
}

// TestRefusedCategorical misspells --categorical, and needs it.
func TestRefusedCategorical(t *testing.T) {
	path := coded(t)
	mixed := file(t, "mixed.csv", "a,b\n"+strings.Repeat("1,2\n2,1\n7B,3\n", 100))
	lacking := file(t, "lacking.csv", "a,b\n"+strings.Repeat("u,2\nv,1\n?,3\n", 100))
	refused(t, []refusal{
		{[]string{"estimate", path, "--x", "colour", "--z", "y", "--categorical", "zap"}, exitUsage, []string{"--categorical", "coded.csv has no column zap"}},
		{[]string{"estimate", mixed, "--x", "a", "--z", "b"}, exitError, []string{"mixed.csv", "line 4", `"7B" is not a number`, "--categorical a"}},
		{[]string{"estimate", lacking, "--x", "a", "--z", "b"}, exitError, []string{"lacking.csv", "line 4", `"?" marks a missing value`, "another word if it is a code", "--missing drop"}},
	})
}

// TestIDs: the result names columns of ids, from which nothing can be learnt, whether they are
// numbers or words.
func TestIDs(t *testing.T) {
	var b strings.Builder
	b.WriteString("number,name,customer,y\n")
	for i := range 600 {
		fmt.Fprintf(&b, "%d,p%d,c%d,%d\n", i*7%601, i, max(0, i-200), i*i%101)
	}
	path := file(t, "ids.csv", b.String())
	code, stdout, stderr := try(t, "", append([]string{"estimate", path, "--x", "number", "--z", "customer", "--split", "random"}, smallCPU...)...)
	text := strings.Join(strings.Fields(stdout), " ")
	for _, want := range []string{
		"number of x has another whole number in nearly every row",
		"customer of z has", "codes in 240 training rows, most of which have one of the",
		"nothing can be learnt",
	} {
		if code != exitOK || !strings.Contains(text, want) {
			t.Errorf("exit %d: %s: no %q in\n%s", code, stderr, want, stdout)
		}
	}
	refused(t, []refusal{
		{append([]string{"estimate", path, "--x", "name", "--z", "y"}, smallCPU...), exitError, []string{"(name)", "nothing can be learnt from codes that are seen so seldom"}},
	})
}

// TestOrderlessNumbers: the result names whole numbers that seem to be codes.
func TestOrderlessNumbers(t *testing.T) {
	var b strings.Builder
	b.WriteString("shop,y\n")
	sales := rand.New(rand.NewPCG(3, 2)).Perm(100)
	for i := range 3000 {
		shop := i * 61 % 100
		fmt.Fprintf(&b, "%d,%d\n", shop, 20*sales[shop]+i%13)
	}
	code, stdout, stderr := try(t, "", append([]string{"estimate", file(t, "shops.csv", b.String()), "--x", "shop", "--z", "y", "--split", "random"}, smallCPU...)...)
	text := strings.Join(strings.Fields(stdout), " ")
	for _, want := range []string{"column shop of x has", "y of z is alike in rows of the same one (a correlation of 1.00)", "Say --categorical"} {
		if code != exitOK || !strings.Contains(text, want) {
			t.Errorf("exit %d: %s: no %q in\n%s", code, stderr, want, stdout)
		}
	}
}

// TestSentinel: the result names a number that may stand for a missing value.
func TestSentinel(t *testing.T) {
	var b strings.Builder
	b.WriteString("age,y\n")
	for i := range 600 {
		age := 18 + i*i*7%71
		if i%20 == 3 {
			age = 999
		}
		fmt.Fprintf(&b, "%d,%d\n", age, i*i%101)
	}
	code, stdout, stderr := try(t, "", append([]string{"estimate", file(t, "ages.csv", b.String()), "--x", "age", "--z", "y", "--split", "random"}, smallCPU...)...)
	text := strings.Join(strings.Fields(stdout), " ")
	for _, want := range []string{"age of x is 999 in ", "and 18 to 88 in all others", "--missing drop"} {
		if code != exitOK || !strings.Contains(text, want) {
			t.Errorf("exit %d: %s: no %q in\n%s", code, stderr, want, stdout)
		}
	}
}
