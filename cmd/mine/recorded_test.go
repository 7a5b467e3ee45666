package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
)

// answered runs an estimate and decodes what --json prints.
func answered(t *testing.T, args ...string) (document, string) {
	t.Helper()
	code, stdout, stderr := try(t, "", append(args, "--json")...)
	if code != exitOK {
		t.Fatalf("%q: exit %d: %s", args, code, stderr)
	}
	return decode(t, stdout), stdout
}

// configObject is the config object of what --json printed.
func configObject(t *testing.T, text string) string {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return string(all["config"])
}

// TestRepeats: the same data and --config give the same result, bit for bit, from the
// whole output as from its config object.
func TestRepeats(t *testing.T) {
	path := gaussian(t, "400")
	for _, given := range [][]string{
		nil,
		{"--seed", "18446744073709551615", "--sample", "333"},
		{"--split", "blocks", "--block", "30", "--folds", "5"}, // of 13 blocks, 4 folds
		{"--race=false", "--objective", "nce:0.3", "--lr", "0.0123456789", "--clip-norm", "0.7", "--folds", "1", "--confidence", "0.9"},
		{"--activation", "elu", "--reference=false", "--weight-decay", "1e-3", "--backend", "cpu"},
		{"--effort", "fast"},
	} {
		first, text := answered(t, append(of(path, smallCPU...), given...)...)
		for name, content := range map[string]string{"whole.json": text, "config.json": configObject(t, text)} {
			args := of(path, "--config", file(t, name, content))
			if first.Input.X.Sample > 0 {
				args = append(args, "--sample", "333") // that is data
			}
			again, _ := answered(t, args...)
			if a, b := math.Float64bits(first.Estimate), math.Float64bits(again.Estimate); a != b {
				t.Errorf("%q, %s: estimates %v and %v", given, name, first.Estimate, again.Estimate)
			}
			first.Timing, again.Timing = mine.Timing{}, mine.Timing{}
			if first.Device = again.Device; !reflect.DeepEqual(first, again) { // of other threads
				t.Errorf("%q, %s: %+v, the second time %+v", given, name, first, again)
			}
		}
	}
}

// TestConfigOverridden: flags go before what --config says.
func TestConfigOverridden(t *testing.T) {
	path := gaussian(t, "400")
	_, text := answered(t, of(path, smallCPU...)...)
	run := file(t, "run.json", text)
	want, _ := answered(t, append(of(path, smallCPU...), "--seed", "8", "--objective", "js", "--patience", "2")...)
	got, _ := answered(t, of(path, "--config", run, "--seed", "8", "--objective", "js", "--patience", "2")...)
	if got.Estimate != want.Estimate || !reflect.DeepEqual(got.Config, want.Config) {
		t.Errorf("estimate %v by %+v, want %v by %+v", got.Estimate, got.Config, want.Estimate, want.Config)
	}
	// A value of the file that cannot be used is none once a flag replaces it.
	broken := file(t, "broken.json", strings.Replace(text, `"steps":20,"learning_rate"`, `"steps":0,"learning_rate"`, 1))
	if code, _, stderr := try(t, "", of(path, "--config", broken, "--steps", "20")...); code != exitOK {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// TestRefusedConfigs: what --config does not take, said with file, field and way out.
func TestRefusedConfigs(t *testing.T) {
	path := gaussian(t, "400")
	_, text := answered(t, of(path, smallCPU...)...)
	config := configObject(t, text)
	given := func(content string, args ...string) []string {
		return of(path, append([]string{"--config", file(t, "run.json", content)}, args...)...)
	}
	with := func(old, new string) string {
		if !strings.Contains(config, old) {
			t.Fatalf("%s is not in %s", old, config)
		}
		return strings.Replace(config, old, new, 1)
	}
	const want = "give what mine estimate --json printed"
	refused(t, []refusal{
		{of(path, "--config", "absent.json"), exitError, []string{"--config", "absent.json", "no such file"}},
		{of(path, "--config", t.TempDir()), exitError, []string{"--config", "directory"}},
		{of(path, "--config", path), exitError, []string{"g.csv is no JSON", want}},
		{given(""), exitError, []string{"run.json is empty", want}},
		{given("[1]"), exitError, []string{"run.json is no JSON object", want}},
		{given(text[:len(text)/2]), exitError, []string{"run.json is JSON that ends too early", want}},
		{given(text + text), exitError, []string{"run.json goes on behind its object", want}},
		{given(`{"seed":1,"seed":2}`), exitError, []string{`has "seed" twice`, want}},
		{given(`{"seed":1,}`), exitError, []string{"run.json is no JSON", want}},
		{given("{}"), exitError, []string{"run.json: backend is missing", "flags"}},

		{given(strings.Replace(text, "estimate/1", "estimate/2", 1)), exitError, []string{`run.json: schema is "gomine.estimate/2"`, `"gomine.estimate/1" alone`, "make the run once more"}},
		{given(strings.Replace(text, `"gomine.estimate/1"`, "1", 1)), exitError, []string{"run.json: schema is 1,", `"gomine.estimate/1"`}},
		{given(strings.Replace(text, `"schema":"gomine.estimate/1",`, "", 1)), exitError, []string{"run.json: schema is missing", "make the run once more"}},
		{given(`{"schema":"gomine.estimate/1"}`), exitError, []string{"run.json: config is missing"}},
		{given(`{"schema":"gomine.estimate/1","config":[]}`), exitError, []string{"run.json: config is no JSON object"}},
		{given(strings.Replace(text, `"low":`, `"lwo":`, 1)), exitError, []string{"run.json: lwo is unknown", "did you mean low or nwj?"}},
		{given(strings.Replace(text, config, with(`"steps":20`, `"stpes":20`), 1)), exitError, []string{"run.json: config.stpes is unknown", "did you mean steps?"}},

		{given(`{"lr":0.1}`), exitError, []string{"run.json: lr is unknown: did you mean learning_rate?"}},
		{given(with(`"learning_rate"`, `"learning-rate"`)), exitError, []string{"run.json: learning-rate is unknown: did you mean learning_rate?"}},
		{given(`{"objective":"js"}`), exitError, []string{"run.json: objective is unknown: did you mean candidates?"}},
		{given(with(`"batch"`, `"bunch_of_rows"`)), exitError, []string{"run.json: bunch_of_rows is unknown", "leave it out"}},
		{given(with(`"seed":1,`, "")), exitError, []string{"run.json: seed is missing", "flags"}},
		{given(with(`"seed":1,`, `"seed":-1,`)), exitError, []string{"run.json: seed is -1, want a whole number, 0 or more"}},
		{given(with(`"steps":20`, `"steps":"many"`)), exitError, []string{`run.json: steps is "many", want a whole number`}},
		{given(with(`"steps":20`, `"steps":1.5`)), exitError, []string{"run.json: steps is 1.5, want a whole number"}},
		{given(with(`"steps":20`, `"steps":null`)), exitError, []string{"run.json: steps is null, want a whole number"}},
		{given(with(`"steps":20`, `"steps":0`)), exitError, []string{"run.json: steps is 0, want at least 1"}},
		{given(with(`"reference":true`, `"reference":1`)), exitError, []string{"run.json: reference is 1, want true or false"}},
		{given(with(`"hidden":[8]`, `"hidden":8`)), exitError, []string{"run.json: hidden is 8, want a list"}},
		{given(with(`"learning_rate":0.01`, `"learning_rate":"0.01"`)), exitError, []string{`run.json: learning_rate is "0.01", want a number`}},
		{given(with(`"clip_norm":"none"`, `"clip_norm":"no"`)), exitError, []string{`run.json: clip_norm is "no", want a number, or "none"`}},
		{given(with(`"block":"auto"`, `"block":true`)), exitError, []string{`run.json: block is true, want a number of rows, or "auto"`}},
		{given(with(`"split":"auto"`, `"split":7`)), exitError, []string{"run.json: split is 7, want a name"}},
		{given(with(`"split":"auto"`, `"split":"thirds"`)), exitError, []string{"run.json: split is thirds", "auto random blocks"}},
		{given(with(`"backend":"cpu"`, `"backend":"tpu"`)), exitError, []string{`run.json: backend is "tpu"`, "auto, cpu, cuda"}},
		{given(with(`"precision":"fp32"`, `"precision":"fp64"`)), exitError, []string{`run.json: precision is "fp64"`, "fp32"}},
		{given(with(`"precision":"fp32"`, `"precision":"tf32"`)), exitError, []string{`run.json: precision is "tf32"`, "backend cpu computes in fp32"}},
		{given(with(`"candidates":[`, `"candidates":7,"x":[`)), exitError, []string{"run.json: x is unknown"}},
		{given(with(`"candidates":[`, `"candidates":[7,`)), exitError, []string{"run.json: candidates[0] is 7, want activation, preprocess and objective"}},
		{given(with(`"activation":"softplus"`, `"activation":"tanh"`)), exitError, []string{`run.json: candidates[0].activation is "tanh"`, "softplus elu relu"}},
		{given(with(`"activation":"softplus"`, `"activation":1`)), exitError, []string{`run.json: candidates[0].activation is 1, want a name`}},
		{given(with(`"activation":"softplus",`, "")), exitError, []string{"run.json: candidates[0].activation is missing"}},
		{given(with(`"objective":"js"`, `"objective":"mine:7"`)), exitError, []string{`run.json: candidates[0].objective is "mine:7"`, "rate of objective mine is 7"}},

		{given(with(`"batch":16`, `"batch":0`)), exitError, []string{"run.json: batch is 0", "at least 2"}},
		{given(config, "--batch", "0"), exitUsage, []string{"--batch is 0", "at least 2"}},
		{given(config, "--batch", "60", "--marginals", "50", "--sample", "110"), exitUsage, []string{"--marginals is 50", "training rows allow no more"}},
		{given(config, "--validation-fraction", "0.9"), exitUsage, []string{"--validation-fraction + ", "run.json: test_fraction is 1.1"}},
		{given(config, "--effort", "fast"), exitUsage, []string{"--effort", "--config"}},
		{given(config, "--precision", "tf32"), exitUsage, []string{"--precision is for CUDA"}},
	})
	if !builtWithCUDA {
		refused(t, []refusal{
			{given(with(`"backend":"cpu"`, `"backend":"cuda"`)), exitUsage, []string{"run.json: backend is cuda", "or use --backend cpu"}},
		})
		cuda := strings.NewReplacer(`"backend":"cpu"`, `"backend":"cuda"`, `"precision":"fp32"`, `"precision":"tf32"`).Replace(config)
		if got, _ := answered(t, given(cuda, "--backend", "cpu")...); got.Config.Backend != "cpu" || got.Config.Precision != "fp32" {
			t.Errorf("--backend cpu computes on %s in %s", got.Config.Backend, got.Config.Precision)
		}
	}
}

// FuzzConfig: whatever the file of --config holds, it is refused in words or read whole.
func FuzzConfig(f *testing.F) {
	text, err := encode(sample(), cpuPrecision, inputs{}, nats)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"config":{"candidates":[{"objective":"smile:+Inf"}],"seed":1}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "run.json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := readRecorded("--config", path)
		switch {
		case err != nil && !strings.Contains(err.Error(), path):
			t.Errorf("%v does not name the file", err)
		case err == nil && r.Backend == "":
			t.Error("read without a backend")
		}
	})
}

// TestLargeBatch: a batch of more rows than a fold is trained on has as many as are, says so, and gives the same again by what is recorded;
// so does a test, whose parts have fewer rows than all.
func TestLargeBatch(t *testing.T) {
	path := gaussian(t, "400")
	large := append(slices.Clone(smallCPU), "--batch", "5000", "--json")
	code, first, stderr := try(t, "", of(path, large...)...)
	if code != exitOK || !strings.Contains(first, `"batch":160`) || !strings.Contains(first, `"code":"batch"`) || !strings.Contains(first, "batches have 160 rows, not 5000") {
		t.Fatalf("exit %d, %.300s, %s", code, first, stderr)
	}
	_, again, _ := try(t, "", of(path, "--config", file(t, "run.json", first), "--backend", "cpu", "--threads", "1", "--json")...)
	if a, b := decode(t, first).Estimate, decode(t, again).Estimate; a != b {
		t.Errorf("%v, and by its settings %v", a, b)
	}
	test := func(args ...string) string {
		code, out, stderr := try(t, "", append([]string{"test", path, "--x", "X*", "--z", "Z*", "--permutations", "99", "--json"}, args...)...)
		if code != exitOK {
			t.Fatal(stderr)
		}
		_, parts, _ := strings.Cut(out, `"parts":`)
		parts, _, _ = strings.Cut(parts, "]")
		return parts
	}
	if a, b := test(large...), test(append(slices.Clone(smallCPU), "--batch", "160")...); a != b || len(a) < 100 {
		t.Errorf("parts of a test %s, and by its settings %s", a, b)
	}
}
