package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// estimateOf runs a small estimate and returns its JSON.
func estimateOf(t *testing.T, args ...string) document {
	t.Helper()
	code, stdout, stderr := try(t, "", append(append([]string{"estimate", "--json"}, args...), smallCPU...)...)
	if code != exitOK {
		t.Fatalf("%q: exit %d: %s", args, code, stderr)
	}
	var d document
	if err := json.Unmarshal([]byte(stdout), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestFormatsAgree checks that the same rows give the same number, however they are
// written, and whatever lies around them.
func TestFormatsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var plain, comma, gaps, after, x, z strings.Builder
	plain.WriteString("x,z\n")
	comma.WriteString("x;z;\n")
	gaps.WriteString("x,z,w\n")
	after.WriteString("x,z\nno,number\n")
	lines := [2][]string{{"x"}, {"z"}}
	for i := range 400 {
		a := rng.NormFloat64()
		u, v := fmt.Sprintf("%.6f", a), fmt.Sprintf("%.6f", a+rng.NormFloat64())
		plain.WriteString(u + "," + v + "\n")
		comma.WriteString(strings.ReplaceAll(u+";"+v, ".", ",") + ";\n")
		gaps.WriteString(u + "," + v + ",\n")
		after.WriteString(u + "," + v + "\n")
		x.WriteString(u + "\n")
		z.WriteString(v + "\n")
		if i%10 == 0 {
			gaps.WriteString(u + ",NA,1\n")
		}
		if i%20 == 0 { // of each file another row of these two is missing
			x.WriteString("NA\n1\n")
			z.WriteString("2\n#N/A\n")
		}
		lines[0], lines[1] = append(lines[0], u), append(lines[1], v)
	}
	want := estimateOf(t, file(t, "p.csv", plain.String()), "--x", "x", "--z", "z")
	turned := file(t, "t.csv", strings.Join(lines[0], ",")+"\n"+strings.Join(lines[1], ",")+"\n")
	for name, args := range map[string][]string{
		"decimal commas": {file(t, "c.csv", comma.String()), "--x", "x", "--z", "z"},
		"all but one":    {file(t, "p.csv", plain.String()), "--x", "!z", "--z", "!0"},
		"drop":           {file(t, "g.csv", gaps.String()), "--x", "x", "--z", "z", "--missing", "drop"},
		"drop, in two":   {file(t, "x.csv", x.String()), file(t, "z.csv", z.String()), "--missing", "drop"},
		"rows":           {file(t, "a.csv", after.String()), "--x", "x", "--z", "z", "--rows", "1:401"},
		"transposed":     {turned, "--x", "x", "--z", "z", "--transpose"},
	} {
		got := estimateOf(t, args...)
		if got.Estimate != want.Estimate || got.Rows != want.Rows {
			t.Errorf("%s: %v of %+v, want %v of %+v", name, got.Estimate, got.Rows, want.Estimate, want.Rows)
		}
		switch in := got.Input; name {
		case "drop":
			if in.X.LeftOut != 40 || in.X.Lacking != nil || !reflect.DeepEqual(in.Z.Lacking, map[string]int{"z": 40}) {
				t.Errorf("%s: input %+v", name, in)
			}
		case "drop, in two":
			if in.X.LeftOut != 40 || !reflect.DeepEqual(in.X.Lacking, map[string]int{"0": 20}) || !reflect.DeepEqual(in.Z.Lacking, map[string]int{"0": 20}) {
				t.Errorf("%s: input %+v", name, in)
			}
		case "rows":
			if in.X.Rows != "1:401" {
				t.Errorf("%s: input %+v", name, in)
			}
		}
	}
	if got := estimateOf(t, file(t, "p.csv", plain.String()), "--x", "x", "--z", "z", "--sample", "200"); got.Rows.Total != 200 || got.Input.X.Sample != 200 {
		t.Errorf("sample of %+v, input %+v", got.Rows, got.Input)
	}
}

// TestDropIsSaid looks for the note about rows that were left out.
func TestDropIsSaid(t *testing.T) {
	text := "a,b,c\n1,2,\n2,,\n" + strings.Repeat("1,2,3\n3,1,5\n2,5,4\n", 100)
	args := append([]string{"estimate", file(t, "d.csv", text), "--x", "a,b", "--z", "c", "--missing", "drop"}, smallCPU...)
	code, stdout, stderr := try(t, "", args...)
	if want := "note: 2 of 302 rows were left out because values are missing (c of z in 2, b of x in 1)."; code != exitOK || !strings.Contains(stdout, want) {
		t.Errorf("exit %d, %s: no %q in\n%s", code, stderr, want, stdout)
	}
}

// TestTooFewLeft gives files of which too little is left, or that lie on their side.
func TestTooFewLeft(t *testing.T) {
	none := file(t, "none.csv", "a,b\n"+strings.Repeat("1,\n,2\n", 100))
	few := file(t, "few.csv", "a,b\n1,2\n3,1\n2,2\n"+strings.Repeat("1,\n", 500))
	side := filepath.Join(t.TempDir(), "side.csv")
	if err := os.WriteFile(side, []byte(strings.Repeat(strings.TrimSuffix(strings.Repeat("0.5,1.5,", 50), ",")+"\n", 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, []refusal{
		{[]string{"estimate", none, "--x", "a", "--z", "b", "--missing", "drop"}, exitError, []string{"none.csv", "200 of 200 rows", "a of x in 100", "b of z in 100", "no row is left"}},
		{[]string{"estimate", few, "--x", "a", "--z", "b", "--missing", "drop"}, exitError, []string{"few.csv", "3 rows", "500 of 503 rows were left out", "b of z in 500"}},
		{[]string{"estimate", few, "--x", "a", "--z", "b"}, exitError, []string{"few.csv", "line 5", `"b"`, "--missing drop"}},
		{[]string{"estimate", side, "--x", "0", "--z", "1"}, exitError, []string{"side.csv", "more columns than rows", "--transpose"}},
		{[]string{"estimate", few, "--x", "a", "--z", "b", "--rows", "900:"}, exitError, []string{"few.csv", "no row 900"}},
	})
}
