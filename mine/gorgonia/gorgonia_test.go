package gorgonia_test

import (
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"gomine/mine/gorgonia"
)

// TestSource reads the same numbers out of tensors of every layout.
func TestSource(t *testing.T) {
	want := []float64{1, 2, 3, 4, 5, 6}
	wide := tensor.New(tensor.WithShape(2, 5), tensor.WithBacking([]float64{9, 1, 2, 3, 9, 9, 4, 5, 6, 9}))
	sliced, err := wide.Slice(nil, tensor.S(1, 4))
	if err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]*tensor.Dense{
		"float32":       tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6})),
		"float64":       tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6})),
		"Fortran order": tensor.New(tensor.WithShape(2, 3), tensor.AsFortran([]float64{1, 2, 3, 4, 5, 6})), // it transposes what it is given
		"sliced":        sliced.(*tensor.Dense),
		"vector":        tensor.New(tensor.WithShape(6), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6})),
	} {
		s, err := gorgonia.Source(of)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := make([]float64, 6)
		if err := s.Read(got, 0, s.Rows(), 0, len(s.Columns())); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for text, of := range map[string]*tensor.Dense{
		"nil tensor":         nil,
		"float32 or float64": tensor.New(tensor.WithShape(2), tensor.WithBacking([]int{1, 2})),
		"want [n] or [n, d]": tensor.New(tensor.WithShape(2, 2, 2), tensor.Of(tensor.Float32)),
	} {
		if _, err := gorgonia.Source(of); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %q", err, text)
		}
	}
}
