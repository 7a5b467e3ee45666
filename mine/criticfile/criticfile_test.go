package criticfile

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gomine/internal/safetensors"
	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// mixed draws rows of every kind of column: x has a normal one, one of heavy tails, a
// constant and codes, z has three that depend on them, one of few values.
func mixed(rows int, seed uint64) (x, z column.Source) {
	r := rand.New(rand.NewPCG(seed, 1))
	values := make([][]float64, 6)
	codes := make([]string, rows)
	for i := range rows {
		a, b := r.NormFloat64(), r.NormFloat64()
		codes[i] = string(rune('a' + i*i%4))
		for j, v := range []float64{a, math.Exp(5 * b), 7, a + r.NormFloat64(), b * a, math.Round(2 * b)} {
			values[j] = append(values[j], v)
		}
	}
	x = column.Named(column.Join(column.Slices(values[:3]...), column.Codes(codes)), "normal", "heavy", "constant", "code")
	return x, column.Named(column.Slices(values[3:]...), "sum", "product", "whole")
}

// one is trained on one fold, once for all tests.
var one struct {
	sync.Once
	Critic
}

// single returns the critic of one fold.
func single(t testing.TB) Critic {
	t.Helper()
	one.Do(func() { one.Critic = trained(t, 1) })
	return one.Critic
}

// labelled draws rows of whole numbers of few values, of a column with a spike, and of codes that
// depend on them.
func labelled(rows int, seed uint64) (x, z column.Source) {
	r := rand.New(rand.NewPCG(seed, 2))
	whole, spiked, codes := make([]int, rows), make([]float64, rows), make([]string, rows)
	for i := range rows {
		whole[i] = r.IntN(4)
		if r.IntN(3) > 0 {
			spiked[i] = r.ExpFloat64()
		}
		codes[i] = []string{"low", "middle", "high"}[min(2, (whole[i]+r.IntN(2))/2)]
	}
	return column.Named(column.Join(column.Slices(whole), column.Slices(spiked)), "whole", "spiked"), column.Named(column.Codes(codes), "code")
}

// classifier is trained on labelled.
func classifier(t testing.TB) Critic {
	t.Helper()
	x, z := labelled(600, 1)
	cfg := mine.DefaultConfig(600)
	cfg.Folds, cfg.Batch, cfg.Steps, cfg.RaceSteps, cfg.EvaluateEvery, cfg.TestPairs, cfg.Hidden = 2, 32, 100, 20, 20, 10_000, []int{6}
	f, _, err := mine.Fit(t.Context(), x, z, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return Critic{State: f.State()}
}

// trained trains on 600 rows.
func trained(t testing.TB, folds int) Critic {
	t.Helper()
	x, z := mixed(600, 1)
	cfg := mine.DefaultConfig(600)
	cfg.Folds, cfg.Batch, cfg.Steps, cfg.RaceSteps, cfg.EvaluateEvery, cfg.TestPairs, cfg.Hidden = folds, 32, 60, 20, 20, 10_000, []int{6, 5}
	cfg.Candidates = []mine.Candidate{cfg.Candidates[1], cfg.Candidates[4], cfg.Candidates[6]}
	cfg.Survivors, cfg.Networks, cfg.LearningRate = 3, min(2, folds), 0.02
	f, result, err := mine.Fit(t.Context(), x, z, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sketch, err := NewSketch(x, z)
	if err != nil {
		t.Fatal(err)
	}
	return Critic{About{"test", result.Backend, result.Device, result.Rows, result.Bound}, f.State(), sketch}
}

func write(t testing.TB, c Critic) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRoundTrip: what is read says bit for bit what was written, of one fold and of five,
// and is written as the same bytes.
func TestRoundTrip(t *testing.T) {
	for _, saved := range []Critic{single(t), trained(t, 5), classifier(t)} {
		t.Run(fmt.Sprint(len(saved.State.LogU)), func(t *testing.T) {
			x, z := mixed(300, 2)
			if len(saved.State.LogU) == 2 {
				x, z = labelled(300, 2)
			}
			file := write(t, saved)
			for _, part := range []string{`"harmonics":`, `"line":true`, `"line":false`, `"codes":`, `"constant":true`, `"heavy":true`, `"reference":true`} {
				if len(saved.State.LogU) == 5 && !bytes.Contains(file, []byte(strings.ReplaceAll(part, `"`, `\"`))) {
					t.Errorf("the file has no %s: the test says nothing about it", part)
				}
			}
			for _, part := range []string{`"normalised":true`, `"spike":`, `"values":`} {
				if len(saved.State.LogU) == 2 && !bytes.Contains(file, []byte(strings.ReplaceAll(part, `"`, `\"`))) {
					t.Errorf("the file has no %s: the test says nothing about it", part)
				}
			}
			read, err := Read(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(write(t, read), file) {
				t.Error("what was read is written in another way")
			}
			if read.About != saved.About {
				t.Errorf("about %v, want %v", read.About, saved.About)
			}
			var scores [2][]float64
			var bounds [2]mine.Bound
			for i, state := range []mine.FittedState{saved.State, read.State} {
				f, err := mine.Restore(state)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if scores[i], err = f.Scores(t.Context(), x, z); err != nil {
					t.Fatal(err)
				}
				if bounds[i], err = f.Evaluate(t.Context(), x, z); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(scores[0], scores[1]) || bounds[0] != bounds[1] {
				t.Errorf("bound %v, want %v; scores equal: %v", bounds[1], bounds[0], slices.Equal(scores[0], scores[1]))
			}
			if slices.Max(scores[0]) == slices.Min(scores[0]) {
				t.Error("all scores are equal: the test shows nothing")
			}
		})
	}
}

// TestReadFile: a file is read whole, and one of another format, too large to be read, not at
// all.
func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	file := write(t, single(t))
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := ReadFile(path)
	if err != nil || !bytes.Equal(write(t, c), file) {
		t.Errorf("error %v, or another critic", err)
	}
	for _, size := range []int64{1 << 40, 5, 0} { // the first has no bytes on the disk but the head
		if err := errors.Join(os.WriteFile(path, []byte("a,b\n1,2\n"), 0o600), os.Truncate(path, size)); err != nil {
			t.Skip(err) // the file system takes no file of this size
		}
		if _, err := ReadFile(path); !errors.Is(err, ErrFormat) {
			t.Errorf("%d bytes: error %v, want %v", size, err, ErrFormat)
		}
	}
	if _, err := ReadFile(path + "d"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want %v", err, os.ErrNotExist)
	}
}

// TestLayout: the first layer lies in the file as torch.nn.Linear has it, computed by hand
// in float64 from the names alone.
func TestLayout(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	x, z := make([]float64, 400), make([]float64, 400)
	for i := range x {
		x[i] = r.NormFloat64()
		z[i] = x[i] + r.NormFloat64()
	}
	cfg := mine.SingleConfig(400, mine.DefaultConfig(400).Candidates[5]) // ReLU, standardised
	cfg.Hidden, cfg.Steps, cfg.TestPairs = []int{4}, 100, 1000
	f, _, err := mine.Fit(t.Context(), column.Slices(x), column.Slices(z), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file, err := safetensors.Read(write(t, Critic{State: f.State()}))
	if err != nil {
		t.Fatal(err)
	}
	arrays := map[string][]float32{}
	for _, one := range file.Tensors {
		if v, ok := one.Values.([]float32); ok {
			arrays[one.Name] = v
		}
	}
	scores, err := f.Scores(t.Context(), column.Slices(x), column.Slices(z))
	if err != nil {
		t.Fatal(err)
	}
	state := f.State()
	maps := state.Parts[0].Maps.State()
	for i := range x {
		var in [2]float64
		for k, side := range []struct {
			v float64
			m preprocess.ColumnState
		}{{x[i], maps.X.Columns[0]}, {z[i], maps.Z.Columns[0]}} {
			in[k] = (min(max(side.v, side.m.Min), side.m.Max)/side.m.Unit - side.m.Mean) * side.m.Scale
		}
		if math.Abs(in[0]) > 4 || math.Abs(in[1]) > 4 {
			continue // on the logarithm
		}
		w, b := arrays["fold0.critic0.layers.0.weight"], arrays["fold0.critic0.layers.0.bias"]
		score := float64(arrays["fold0.critic0.layers.1.bias"][0])
		for j, out := range arrays["fold0.critic0.layers.1.weight"] {
			a := float64(b[j]) + float64(w[2*j])*in[0] + float64(w[2*j+1])*in[1]
			score += float64(out) * max(0, a)
		}
		want := state.Parts[0].Critics[0].Weight*score - state.LogU[0]
		if !(math.Abs(scores[i]-want) < 1e-5) { // float32 sums of 8 terms of size 5
			t.Fatalf("row %d: score %v, by hand %v", i, scores[i], want)
		}
	}
}

// TestRefused: what does not fit is an error that names it.
func TestRefused(t *testing.T) {
	c := single(t)
	good, err := safetensors.Read(write(t, c))
	if err != nil {
		t.Fatal(err)
	}
	// change writes the file with one array, or the description, changed.
	change := func(name string, to func(one *safetensors.Tensor)) []byte {
		var f safetensors.File
		f.Metadata = good.Metadata
		for _, one := range good.Tensors {
			if one.Name == name {
				if to == nil {
					continue
				}
				to(&one)
			}
			f.Tensors = append(f.Tensors, one)
		}
		var b bytes.Buffer
		if err := safetensors.Write(&b, f); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	describe := func(old, new string) []byte {
		before := good.Metadata[metadataName]
		if !strings.Contains(before, old) {
			t.Fatalf("the description has no %s", old)
		}
		var b bytes.Buffer
		f := safetensors.File{Metadata: map[string]string{metadataName: strings.Replace(before, old, new, 1)}, Tensors: good.Tensors}
		if err := safetensors.Write(&b, f); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	var first string // a layer
	for _, one := range good.Tensors {
		if strings.HasSuffix(one.Name, ".layers.0.weight") && first == "" {
			first = one.Name
		}
	}
	knots := mapName(0, "x", 0) + "value"
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "ends before a header"},
		{"other program", func() []byte {
			var b bytes.Buffer
			if err := safetensors.Write(&b, safetensors.File{Metadata: map[string]string{"format": "pt"}}); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}(), "of another program"},
		{"version", describe(Format, "gomine.critic/1"), `format is "gomine.critic/1"`},
		{"member", describe(`"log_u"`, `"logu"`), "logu"},
		{"weight", describe(`"weight":`, `"weight":-`), "weight"},
		{"maps", describe(`"maps":0`, `"maps":9`), "maps 9"},
		{"hidden", describe(`"hidden":[6,5],"step`, `"hidden":[6,4],"step`), "layers.1.weight has the shape"},
		{"missing", change(first, nil), first + " is missing"},
		{"shape", change(first, func(one *safetensors.Tensor) { one.Shape = []int{one.Shape[1], one.Shape[0]} }), first + " has the shape"},
		{"type", change(first, func(one *safetensors.Tensor) { one.Values = make([]float64, one.Shape[0]*one.Shape[1]) }), first + " is of type"},
		{"NaN", change(first, func(one *safetensors.Tensor) {
			v := slices.Clone(one.Values.([]float32))
			v[3] = float32(math.NaN())
			one.Values = v
		}), first + " has NaN as its value 3"},
		{"knots", change(knots, func(one *safetensors.Tensor) {
			v := slices.Clone(one.Values.([]float64))
			v[4], v[5] = v[5], v[4]
			one.Values = v
		}), "column normal of x has knot"},
		{"last knot", change(knots, func(one *safetensors.Tensor) {
			v := slices.Clone(one.Values.([]float64))
			last := len(v) - 1
			v[last] = v[last-1]/2 + v[last]/2
			one.Values = v
		}), "column normal of x has"},
		{"extra", change(first, func(one *safetensors.Tensor) { one.Name += "s" }), first + " is missing"},
		{"truncated", write(t, c)[:2000], "its header has"},
	} {
		if _, err := Read(test.data); !errors.Is(err, ErrFormat) || !strings.Contains(fmt.Sprint(err), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}
