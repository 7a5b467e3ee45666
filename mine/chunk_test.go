package mine

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gomine/cpu"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
	"gomine/mine/sampling"
)

// normalPairs returns n pairs of correlation 0.8, exact in float32.
func normalPairs(n int, seed uint64) (x, z []float64) {
	x, z = make([]float64, n), make([]float64, n)
	for i := range n {
		a := sampling.Normal(seed, sampling.StreamInit, 0, uint64(2*i))
		b := sampling.Normal(seed, sampling.StreamInit, 0, uint64(2*i+1))
		x[i], z[i] = float64(float32(a)), float64(float32(0.8*a+0.6*b))
	}
	return x, z
}

// quick returns settings of one small critic on one fold, that take a second.
func quick(rows int) Config {
	c := DefaultConfig(rows)
	c.Candidates, c.Survivors, c.Folds, c.Hidden, c.Neighbours = c.Candidates[:1], 1, 1, []int{8}, false
	c.Steps, c.EvaluateEvery, c.TestPairs = 60, 20, 1000
	c.TestFraction = math.Min(c.TestFraction, 1000/float64(rows))
	c.ValidationFraction = math.Min(c.ValidationFraction, 1000/float64(rows))
	return c
}

// TestMemoryThatSuffices: where all rows have room, the limit changes nothing, whatever is kept
// together and whether the rows are given for use in place.
func TestMemoryThatSuffices(t *testing.T) {
	const n = 3000
	x, z := normalPairs(n, 1)
	groups := make([]int, n)
	for i := range groups {
		groups[i] = i / 3
	}
	series := make([]float64, n)
	for i := 1; i < n; i++ {
		series[i] = float64(float32(0.9*series[i-1] + x[i]))
	}
	// The row is a test row of the first fold, whose training rows are constant.
	spike := make([]float64, n)
	spike[2] = 1
	for name, c := range map[string]struct {
		x, z    column.Source
		folds   int
		options []Option
	}{
		"a spike":       {column.Slices(spike), column.Slices(z), 3, nil},
		"one fold":      {column.Slices(x), column.Slices(z), 1, nil},
		"several folds": {column.Slices(x), column.Slices(z), 3, nil},
		"groups":        {column.Slices(x), column.Slices(z), 3, []Option{WithGroups(groups)}},
		"a series":      {column.Slices(series), column.Join(column.Slices(series), column.Slices(z)), 2, nil},
	} {
		cfg := quick(n)
		cfg.Folds = c.folds
		want, err := Estimate(t.Context(), c.x, c.z, cfg, c.options...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		cfg.Memory = 1 << 30
		got, err := Estimate(t.Context(), c.x, c.z, cfg, c.options...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got.Config, got.Timing = want.Config, want.Timing
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v\nwant %+v", name, got, want)
		}
	}
}

// TestChunkOf: chunks are whole batches, no more than there is room for and steps take, and leave
// fewer rows over than a batch each.
func TestChunkOf(t *testing.T) {
	cfg := Config{Steps: 5000, Batch: 512}
	for _, c := range []struct{ train, most, want int }{
		{1_000_000, math.MaxInt, 1_000_000},   // all
		{2_560_000, math.MaxInt, 2_560_000},   // all that the steps take
		{9_780_000, math.MaxInt, 2_560_000},   // of more
		{9_780_000, 2_560_000, 2_560_000},     // with just room enough
		{1_000_000, 999_999, 499_712},         // two chunks: 976 batches of 500,000 rows
		{9_780_000, 100_000, 99_328},          // 98 chunks of 99,795 rows, of which 194 batches are whole
		{131_072 * 7, 131_072, 131_072},       // without a rest
		{leastChunk + 1, leastChunk, 1 << 15}, // halves
	} {
		if got := cfg.chunkOf(c.train, c.most); got != c.want {
			t.Errorf("%d rows, room for %d: %d at a time, want %d", c.train, c.most, got, c.want)
		}
	}
	// Where there are few steps, a million rows are held all the same, in whole batches.
	few := Config{Steps: 10, Batch: 500}
	if got, want := few.chunkOf(1<<30, math.MaxInt), 1_049_000; got != want {
		t.Errorf("%d at a time, want %d", got, want)
	}
}

// TestSupply: step by step, the rows in memory are those of the positions that the chunk of the step
// has, and those that validate; every chunk is there for as many steps as take all of its rows.
func TestSupply(t *testing.T) {
	const n, chunk, validation, batch = 5000, 1200, 100, 300
	x, z := normalPairs(n, 2)
	order := preprocess.Shuffled(n, 3)
	ordered, err := preprocess.NewOrdered(column.Slices(x), column.Slices(z), order)
	if err != nil {
		t.Fatal(err)
	}
	const train = n - 2*validation
	all, err := preprocess.Arrange(column.Slices(x), column.Slices(z), order)
	if err != nil {
		t.Fatal(err)
	}
	maps, err := all.Fit(preprocess.Rank, preprocess.Range{Lo: 0, Hi: train})
	if err != nil {
		t.Fatal(err)
	}
	b, err := cpu.Open(cpu.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	in := &inputs{maps: maps}
	if in.x, in.z, err = all.Apply(maps, false, preprocess.Range{Lo: 0, Hi: chunk}, preprocess.Range{Lo: train, Hi: n}); err != nil {
		t.Fatal(err)
	}
	f := &fitter{cfg: Config{Steps: 1000, Batch: batch}, ordered: ordered}
	counts := foldCounts{RowCounts: RowCounts{Total: n, Train: train, Validation: validation, Test: validation, Chunk: chunk}}
	s, data, err := f.load(b, in, counts)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	if s == nil || data.Rows() != chunk+validation {
		t.Fatalf("supply %v, %d rows", s, data.Rows())
	}
	const chunks, each = 4, chunk / batch // 4800 of 4800 training rows
	run := &recorded{supply: s}
	session := &session{supply: s, trainer: run}
	for _, steps := range []int{3, 1, 7, 20, 2} { // across borders, from a border, several chunks at a time
		done, err := session.train(t.Context(), make([]float64, steps), make([]float64, steps))
		if err != nil || done != steps {
			t.Fatalf("%d of %d steps, error %v", done, steps, err)
		}
		session.step += done
	}
	if len(run.x) != 33 {
		t.Fatalf("%d steps were run, want 33", len(run.x))
	}
	for step := range run.x {
		k := step / each % chunks
		wx, wz, err := all.Apply(maps, false, preprocess.Range{Lo: k * chunk, Hi: (k + 1) * chunk}, preprocess.Range{Lo: train, Hi: train + validation})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(run.x[step], wx.Data) || !slices.Equal(run.z[step], wz.Data) {
			t.Fatalf("step %d is not on the rows of chunk %d", step, k)
		}
	}
	if few, _, err := (&fitter{cfg: Config{Steps: 4, Batch: batch}}).load(b, in, counts); few != nil || err != nil {
		t.Errorf("a supply for steps that take one chunk: %v, error %v", few, err)
	}
}

// recorded keeps the rows that each step is run on.
type recorded struct {
	backend.Trainer
	supply *supply
	x, z   [][]float32
}

func (r *recorded) Train(_ context.Context, rates, _ []float64) (int, error) {
	for range rates {
		r.x, r.z = append(r.x, slices.Clone(r.supply.x.Data)), append(r.z, slices.Clone(r.supply.z.Data))
	}
	return len(rates), nil
}

// TestChunks: an estimate whose memory has room for a part of the rows tells the truth, gives the same
// number wherever the rows lie, and says how many were there at a time.
func TestChunks(t *testing.T) {
	const n = 200_000
	x, z := normalPairs(n, 4)
	cfg := quick(n)
	cfg.Steps, cfg.EvaluateEvery, cfg.Batch = 300, 100, 512
	cfg.Memory = 5 << 20 // 5.2 MB, a third of which is 109,000 rows of 16 bytes: two chunks
	want, err := Estimate(t.Context(), column.Slices(x), column.Slices(z), cfg)
	if err != nil {
		t.Fatal(err)
	}
	const train = n - 2000
	if c := want.Rows; c.Total != n || c.Train != train || c.Chunk != train/2/512*512 {
		t.Errorf("rows %+v, want two chunks of %d", c, train)
	}
	truth := -0.5 * math.Log(1-0.8*0.8)
	if d := want.Estimate - truth; math.Abs(d) > 4*want.StdErr { // 6 in 100,000 by chance
		t.Errorf("estimate %v, standard error %v, truth %v", want.Estimate, want.StdErr, truth)
	}
	single := func(v []float64) column.Source {
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(v[i])
		}
		return column.Named(column.InPlace(data, 1), "0")
	}
	got, err := Estimate(t.Context(), single(x), single(z), cfg)
	if err != nil {
		t.Fatal(err)
	}
	got.Timing = want.Timing
	if !reflect.DeepEqual(got, want) {
		t.Errorf("in place: %+v\nwant %+v", got, want)
	}
}

// TestChunksFoldRows: the rows of a fold are those of the data, whichever of them are in memory: all that
// are tested on and decide when to stop, and the first of the others.
func TestChunksFoldRows(t *testing.T) {
	const n = 200_000
	x, z := normalPairs(n, 6)
	cfg := quick(n)
	cfg.Batch = 512
	folds := func(memory Bytes) (FoldRows, int) {
		cfg.Memory = memory
		e, err := NewEstimator(t.Context(), column.Slices(x), column.Slices(z), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		return e.FoldRows()[0], e.folds[0].counts.held()
	}
	want, all := folds(AllMemory)
	got, held := folds(5 << 20)
	if held >= all {
		t.Fatalf("%d of %d rows are held", held, all)
	}
	if !slices.Equal(got.Test, want.Test) || !slices.Equal(got.Learn[:held], want.Learn[:held]) || !slices.Equal(got.Learn[held:], want.Learn[all:]) {
		t.Error("other rows than without a limit of the memory")
	}
}

// TestTooLittleMemory: what cannot be done within the memory is an error that says how much is enough,
// and what else to change, which helps.
func TestTooLittleMemory(t *testing.T) {
	const n = 140_000
	x, z := normalPairs(n, 5)
	codes := make([]string, n)
	for i := range codes {
		codes[i] = strconv.Itoa(i % 40)
	}
	halves := func(v []float64) column.Source { return column.Slices(slices.Concat(v[:n/2], v[:n/2])) }
	for name, c := range map[string]struct {
		x, z    column.Source
		change  func(*Config)
		instead func(*Config)
		or      string
	}{
		"train": {column.Slices(x), column.Slices(z), func(c *Config) { c.Memory = 1 << 20 }, nil, "test_fraction"},
		"test rows": {column.Slices(x), column.Slices(z), func(c *Config) { c.Memory, c.TestFraction = 5<<20, 0.7 },
			func(c *Config) { c.TestFraction = 0.1 }, "test_fraction"},
		"folds": {column.Slices(x), column.Slices(z), func(c *Config) { c.Memory, c.Folds = 5<<20, 2 },
			func(c *Config) { c.Folds = 1 }, "folds"},
		"folds of few rows": {column.Slices(x[:50_000]), column.Slices(z[:50_000]), func(c *Config) { c.Memory, c.Folds = 1<<20, 2 }, nil, ""},
		"inputs":            {column.Codes(codes), column.Slices(z), func(c *Config) { c.Memory, c.Split = 8<<20, SplitRandom }, nil, "test_fraction"},
		"inputs of folds": {column.Codes(codes), column.Slices(z), func(c *Config) { c.Memory, c.Folds, c.Split = 80<<20, 2, SplitRandom },
			func(c *Config) { c.Folds = 1 }, "folds"},
		"repetition": {halves(x), halves(z), func(c *Config) { c.Memory = 5 << 20 },
			func(c *Config) { c.Split = SplitRandom }, "split"},
	} {
		cfg := quick(n)
		cfg.Batch = 512
		c.change(&cfg)
		_, err := Estimate(t.Context(), c.x, c.z, cfg, WithThreads(2)) // side by side, on one processor too
		var about *FieldError
		if !errors.As(err, &about) || about.Field != "memory" || about.Or != c.or {
			t.Errorf("%s: error %v, want one about memory, or %s", name, err, c.or)
			continue
		}
		enough := cfg
		for range 2 { // to find copies, and then to keep them together
			var short *FieldError
			if !errors.As(err, &short) {
				break
			}
			_, text, _ := strings.Cut(short.Want, "at least ")
			text, _, _ = strings.Cut(text, " ")
			if enough.Memory, err = ParseBytes(strings.TrimSuffix(text, ",")); err != nil {
				t.Fatalf("%s: %v: %v", name, short, err)
			}
			_, err = Estimate(t.Context(), c.x, c.z, enough)
		}
		if err != nil {
			t.Errorf("%s: with %v, which is enough by %q: %v", name, enough.Memory, about, err)
		}
		if c.instead != nil {
			c.instead(&cfg)
			if _, err := Estimate(t.Context(), c.x, c.z, cfg); err != nil {
				t.Errorf("%s: with the other setting of %q: %v", name, about, err)
			}
		}
	}
	cfg := quick(n)
	cfg.Memory = -1
	var about *FieldError
	if _, err := Estimate(t.Context(), column.Slices(x), column.Slices(z), cfg); !errors.As(err, &about) || about.Field != "memory" {
		t.Errorf("a negative number: error %v", err)
	}
}

// TestBytes: amounts are read as they are written.
func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{
		"none": AllMemory, "4GiB": 4 << 30, "4 GiB": 4 << 30, "4G": 4 << 30, "512m": 512 << 20, "4GB": 4e9, "4e9": 4e9, "1.5TiB": 3 << 39, "10kB": 10_000, "7B": 7, "7": 7,
	} {
		got, err := ParseBytes(text)
		if err != nil || got != want {
			t.Errorf("%q is %d, error %v, want %d", text, got, err, want)
		}
		if again, err := ParseBytes(got.String()); err != nil || again != got {
			t.Errorf("%d is written %q, which is %d, error %v", got, got, again, err)
		}
	}
	for _, text := range []string{"", "GiB", "0", "-1", "4XB", "inf", "nan", "1e30", "4 4"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q is %d, want an error", text, got)
		}
	}
	for text, want := range map[string]Bytes{`"none"`: AllMemory, "5": 5} {
		var got Bytes
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is %v, error %v", text, got, err)
		}
		if again, err := json.Marshal(got); err != nil || string(again) != text {
			t.Errorf("%v is written %s, error %v", got, again, err)
		}
	}
	for _, text := range []string{`"4GiB"`, "0", "-3", "1.5"} {
		if err := json.Unmarshal([]byte(text), new(Bytes)); err == nil {
			t.Errorf("%s is no error", text)
		}
	}
}
