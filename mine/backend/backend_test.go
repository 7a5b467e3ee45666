package backend

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"gomine/mine/objective"
)

func TestBlocks(t *testing.T) {
	n := Network{DX: 5, DZ: 3, Hidden: []int{7, 1, 4}}
	want := []Block{
		{WeightsX, 1, 5, 7, 0}, {WeightsZ, 1, 3, 7, 35}, {Bias, 1, 1, 7, 56},
		{Weights, 2, 7, 1, 63}, {Bias, 2, 1, 1, 70},
		{Weights, 3, 1, 4, 71}, {Bias, 3, 1, 4, 75},
		{OutputWeight, 4, 4, 1, 79}, {OutputBias, 4, 1, 1, 83},
	}
	var names []string
	var decaying []string
	for _, b := range n.Blocks() {
		names = append(names, b.Name())
		if b.Decays() {
			decaying = append(decaying, b.Name())
		}
	}
	if want := []string{"Wx", "Wz", "b1", "W2", "b2", "W3", "b3", "w", "c"}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
	if want := []string{"Wx", "Wz", "W2", "W3", "w"}; !slices.Equal(decaying, want) {
		t.Errorf("%q decay, want %q", decaying, want)
	}
	if got := n.Blocks(); !slices.Equal(got, want) {
		t.Errorf("Blocks() = %v, want %v", got, want)
	}
	if got := n.NumParams(); got != 84 {
		t.Errorf("NumParams() = %d, want 84", got)
	}
}

// TestBlocksHaveNoGaps holds at every depth.
func TestBlocksHaveNoGaps(t *testing.T) {
	for depth := 1; depth <= MaxHidden; depth++ {
		n := Network{DX: 2, DZ: 9, Hidden: []int{3, 5, 1, 8}[:depth]}
		offset := 0
		for _, b := range n.Blocks() {
			if b.Offset != offset || b.Len() != b.Rows*b.Cols || b.Len() < 1 {
				t.Errorf("depth %d: block %+v at %d, want it at %d", depth, b, b.Offset, offset)
			}
			offset += b.Len()
		}
		if n.NumParams() != offset {
			t.Errorf("depth %d: NumParams() = %d, want %d", depth, n.NumParams(), offset)
		}
	}
}

func validSpec() Spec {
	return Spec{
		Network:   Network{DX: 2, DZ: 3, Hidden: []int{4, 5}, Activation: ELU},
		Objective: objective.MINE.Default(),
		Batch:     8,
		Marginals: 1,
		ClipNorm:  math.Inf(1),
		Adam:      Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8},
	}
}

func TestSpecValidate(t *testing.T) {
	const rows = 100
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		change func(s *Spec)
		valid  bool
	}{
		{"as it is", func(s *Spec) {}, true},
		{"batch of all rows", func(s *Spec) { s.Batch = rows }, true},
		{"batch of two", func(s *Spec) { s.Batch = 2 }, true},
		{"four hidden layers", func(s *Spec) { s.Network.Hidden = []int{1, 1, 1, 1} }, true},
		{"rate 1", func(s *Spec) { s.Objective.Param = 1 }, true},
		{"all other rows of the batch", func(s *Spec) { s.Marginals = s.Batch - 1 }, true},
		{"most marginal pairs", func(s *Spec) { s.Batch, s.Marginals = rows, MaxMarginals }, true},
		{"clipped", func(s *Spec) { s.ClipNorm = 1e-300 }, true},
		{"no moments", func(s *Spec) { s.Adam.Beta1, s.Adam.Beta2 = 0, 0 }, true},
		{"decay", func(s *Spec) { s.Adam.WeightDecay = 0.1 }, true},

		{"no x", func(s *Spec) { s.Network.DX = 0 }, false},
		{"no z", func(s *Spec) { s.Network.DZ = -1 }, false},
		{"no hidden layer", func(s *Spec) { s.Network.Hidden = nil }, false},
		{"five hidden layers", func(s *Spec) { s.Network.Hidden = []int{1, 1, 1, 1, 1} }, false},
		{"width 0", func(s *Spec) { s.Network.Hidden = []int{4, 0} }, false},
		{"activation", func(s *Spec) { s.Network.Activation = 3 }, false},
		{"objective", func(s *Spec) { s.Objective.Kind = 99 }, false},
		{"parameter without use", func(s *Spec) { s.Objective = objective.DV.With(1) }, false},
		{"no marginal pairs", func(s *Spec) { s.Marginals = 0 }, false},
		{"a joint pair among the marginal ones", func(s *Spec) { s.Marginals = s.Batch }, false},
		{"too many marginal pairs", func(s *Spec) { s.Batch, s.Marginals = rows, MaxMarginals+1 }, false},
		{"clip 0", func(s *Spec) { s.ClipNorm = 0 }, false},
		{"clip negative", func(s *Spec) { s.ClipNorm = -1 }, false},
		{"clip not a number", func(s *Spec) { s.ClipNorm = nan }, false},
		{"batch of one", func(s *Spec) { s.Batch = 1 }, false},
		{"batch above the rows", func(s *Spec) { s.Batch = rows + 1 }, false},
		{"rate 0", func(s *Spec) { s.Objective.Param = 0 }, false},
		{"rate above 1", func(s *Spec) { s.Objective.Param = math.Nextafter(1, 2) }, false},
		{"rate not a number", func(s *Spec) { s.Objective.Param = nan }, false},
		{"Beta1 of 1", func(s *Spec) { s.Adam.Beta1 = 1 }, false},
		{"Beta1 negative", func(s *Spec) { s.Adam.Beta1 = -0.5 }, false},
		{"Beta2 of 1", func(s *Spec) { s.Adam.Beta2 = 1 }, false},
		{"Beta2 not a number", func(s *Spec) { s.Adam.Beta2 = nan }, false},
		{"Epsilon 0", func(s *Spec) { s.Adam.Epsilon = 0 }, false},
		{"decay negative", func(s *Spec) { s.Adam.WeightDecay = -0.1 }, false},
		{"decay not a number", func(s *Spec) { s.Adam.WeightDecay = nan }, false},
	} {
		s := validSpec()
		c.change(&s)
		checkShape(t, c.name, s.Validate(rows), c.valid)
	}
	checkShape(t, "2^31-1 rows", validSpec().Validate(math.MaxInt32), true)
	checkShape(t, "2^31 rows", validSpec().Validate(math.MaxInt32+1), false)
}

// checkShape wants no error of a valid thing and ErrShape of another.
func checkShape(t *testing.T, what string, err error, valid bool) {
	t.Helper()
	if valid && err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if !valid && !errors.Is(err, ErrShape) {
		t.Errorf("%s: error %v, want one that wraps ErrShape", what, err)
	}
}

func TestMLPBlocks(t *testing.T) {
	want := []Block{
		{Weights, 1, 5, 7, 0}, {Bias, 1, 1, 7, 35},
		{Weights, 2, 7, 1, 42}, {Bias, 2, 1, 1, 49},
		{Weights, 3, 1, 4, 50}, {Bias, 3, 1, 4, 54},
	}
	m := MLP{Inputs: 5, Hidden: []int{7, 1}, Outputs: 4}
	if got := m.Blocks(); !slices.Equal(got, want) || m.NumParams() != 58 {
		t.Errorf("Blocks() = %v, NumParams() = %d, want %v and 58", got, m.NumParams(), want)
	}
	m.Hidden = nil
	want = []Block{{Weights, 1, 5, 4, 0}, {Bias, 1, 1, 4, 20}}
	if got := m.Blocks(); !slices.Equal(got, want) || m.NumParams() != 24 {
		t.Errorf("without hidden layers Blocks() = %v, NumParams() = %d, want %v and 24", got, m.NumParams(), want)
	}
}

func TestModelSpecValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *ModelSpec)
		valid  bool
	}{
		{"as it is", func(s *ModelSpec) {}, true},
		{"no hidden layer", func(s *ModelSpec) { s.MLP.Hidden = nil }, true},
		{"four hidden layers", func(s *ModelSpec) { s.MLP.Hidden = []int{1, 1, 1, 1} }, true},
		{"one row", func(s *ModelSpec) { s.Rows = 1 }, true},
		{"most rows", func(s *ModelSpec) { s.Rows = maxModelRows }, true},
		{"widest", func(s *ModelSpec) { s.MLP.Inputs, s.MLP.Outputs = MaxWidth, MaxWidth }, true},

		{"no inputs", func(s *ModelSpec) { s.MLP.Inputs = 0 }, false},
		{"no outputs", func(s *ModelSpec) { s.MLP.Outputs = -1 }, false},
		{"too many inputs", func(s *ModelSpec) { s.MLP.Inputs = MaxWidth + 1 }, false},
		{"too many outputs", func(s *ModelSpec) { s.MLP.Outputs = MaxWidth + 1 }, false},
		{"five hidden layers", func(s *ModelSpec) { s.MLP.Hidden = []int{1, 1, 1, 1, 1} }, false},
		{"width 0", func(s *ModelSpec) { s.MLP.Hidden = []int{4, 0} }, false},
		{"activation", func(s *ModelSpec) { s.MLP.Activation = 3 }, false},
		{"no rows", func(s *ModelSpec) { s.Rows = 0 }, false},
		{"too many rows", func(s *ModelSpec) { s.Rows = maxModelRows + 1 }, false},
		{"Beta1 of 1", func(s *ModelSpec) { s.Adam.Beta1 = 1 }, false},
		{"Epsilon 0", func(s *ModelSpec) { s.Adam.Epsilon = 0 }, false},
	} {
		s := ModelSpec{MLP: MLP{Inputs: 3, Hidden: []int{4, 5}, Outputs: 2, Activation: ReLU}, Adam: validSpec().Adam, Rows: 8}
		c.change(&s)
		checkShape(t, c.name, s.Validate(), c.valid)
	}
}

func TestMatrixValidate(t *testing.T) {
	data := make([]float32, 17)
	for _, c := range []struct {
		m     Matrix
		valid bool
	}{
		{Matrix{Rows: 3, Cols: 5, Stride: 5, Data: data}, true},
		{Matrix{Rows: 3, Cols: 5, Stride: 6, Data: data}, true}, // 17 = 2*6 + 5: no padding after the last row
		{Matrix{Rows: 3, Cols: 5, Stride: 7, Data: data}, false},
		{Matrix{Rows: 4, Cols: 5, Stride: 5, Data: data}, false},
		{Matrix{Rows: 0, Cols: 5, Stride: 5}, true},
		{Matrix{Rows: 1, Cols: 5, Stride: 1000, Data: data[:5]}, true},
		{Matrix{Rows: -1, Cols: 5, Stride: 5, Data: data}, false},
		{Matrix{Rows: 3, Cols: 0, Stride: 5, Data: data}, false},
		{Matrix{Rows: 3, Cols: 5, Stride: 4, Data: data}, false},
	} {
		what := fmt.Sprintf("%d rows, %d columns, stride %d, %d values", c.m.Rows, c.m.Cols, c.m.Stride, len(c.m.Data))
		checkShape(t, what, c.m.Validate(), c.valid)
	}
	m := NewMatrix(3, 4)
	checkShape(t, "NewMatrix", m.Validate(), true)
	for i := range m.Data {
		m.Data[i] = float32(i)
	}
	if got, want := m.Row(2), []float32{8, 9, 10, 11}; !slices.Equal(got, want) {
		t.Errorf("Row(2) = %v, want %v", got, want)
	}
}

func TestRowsValidate(t *testing.T) {
	for _, c := range []struct {
		rows  Rows
		valid bool
	}{
		{Rows{Lo: 0, Hi: 10}, true}, {Rows{Lo: 9, Hi: 10}, true}, {Rows{Lo: 3, Hi: 4}, true},
		{Rows{Lo: -1, Hi: 5}, false}, {Rows{Lo: 0, Hi: 11}, false}, {Rows{Lo: 4, Hi: 4}, false},
		{Rows{Lo: 5, Hi: 4}, false}, {Rows{Lo: 10, Hi: 10}, false},
		{Rows{Lo: 0, Hi: 3, Index: []int32{9, 0, 9}}, true},
		{Rows{Lo: 0, Hi: 20, Index: make([]int32, 20)}, true}, // more entries than rows
		{Rows{Lo: 1, Hi: 2, Index: []int32{-1, 0, 10}}, true}, // what is wrong is outside
		{Rows{Lo: 0, Hi: 2, Index: []int32{-1, 0, 10}}, false},
		{Rows{Lo: 1, Hi: 3, Index: []int32{-1, 0, 10}}, false},
		{Rows{Lo: 0, Hi: 4, Index: []int32{1, 2, 3}}, false},
		{Rows{Lo: 0, Hi: 0, Index: []int32{}}, false},
	} {
		checkShape(t, fmt.Sprint(c.rows), c.rows.Validate(10), c.valid)
	}
	r := Rows{Lo: 3, Hi: 10}
	if r.Len() != 7 || r.At(2) != 5 {
		t.Errorf("rows 3 to 10: %d of them, the third is %d", r.Len(), r.At(2))
	}
	r = Rows{Lo: 1, Hi: 3, Index: []int32{7, 8, 4}}
	if r.Len() != 2 || r.At(1) != 4 {
		t.Errorf("entries 1 and 2 of an index: %d of them, the second is row %d", r.Len(), r.At(1))
	}
}

func TestState(t *testing.T) {
	n := Network{DX: 1, DZ: 1, Hidden: []int{1}} // 5 parameters
	s := State{Step: 3, LogEMA: 0.5, Params: make([]float32, 5), M: make([]float32, 5), V: make([]float32, 5)}
	checkShape(t, "5 values each", s.Validate(n), true)
	for i, part := range []*[]float32{&s.Params, &s.M, &s.V} {
		whole := *part
		*part = whole[:4]
		checkShape(t, fmt.Sprintf("4 values in part %d", i), s.Validate(n), false)
		*part = whole
	}
	c := s.Clone()
	for _, part := range [][]float32{c.Params, c.M, c.V} {
		part[0] = 1
	}
	if c.Step != 3 || c.LogEMA != 0.5 || s.Params[0] != 0 || s.M[0] != 0 || s.V[0] != 0 {
		t.Errorf("after writing to its clone %+v the state is %+v", c, s)
	}
}

// text is an Activation.
type text interface {
	fmt.Stringer
	encoding.TextMarshaler
}

func TestNames(t *testing.T) {
	var all []text
	for _, a := range Activations() {
		all = append(all, a)
	}
	var names []string
	for _, v := range all {
		name, err := v.MarshalText()
		if err != nil {
			t.Errorf("%v: %v", v, err)
		}
		if v.String() != string(name) {
			t.Errorf("String() = %q, MarshalText() = %q", v, name)
		}
		names = append(names, string(name))
		switch v := v.(type) {
		case Activation:
			var back Activation
			if err := back.UnmarshalText(name); err != nil || back != v {
				t.Errorf("UnmarshalText(%q) = %v, %v", name, back, err)
			}
		}
	}
	want := []string{"softplus", "elu", "relu"}
	if !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
	if _, err := Activation(3).MarshalText(); err == nil {
		t.Error("an unknown activation has a text")
	}
	f := ReLU
	for _, name := range []string{"", "ReLU", "tanh", "relu "} {
		if err := f.UnmarshalText([]byte(name)); err == nil || f != ReLU {
			t.Errorf("UnmarshalText(%q) made %v, error %v", name, f, err)
		}
	}
	if got := PairingKind(7).String(); got != "unknown(7)" || Permutations.String() != "permutations" {
		t.Errorf("pairings are called %q and %q", got, Permutations)
	}
}
