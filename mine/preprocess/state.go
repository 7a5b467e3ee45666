package preprocess

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gomine/mine/column"
)

// MapsState is all that Maps are, to be kept in a file: texts and single numbers as JSON has
// them, arrays apart.
type MapsState struct {
	X SideState `json:"x"`
	Z SideState `json:"z"`
}

// SideState is all that a Side is.
type SideState struct {
	Columns    []ColumnState    `json:"columns"`
	Directions []DirectionState `json:"directions,omitempty"`
	Radius     *RadiusState     `json:"radius,omitempty"`
}

// DirectionState is an input that is a sum of all columns of a side: sum_j Weights[j]
// (v_j - Centers[j]), cut off at Min and Max.
type DirectionState struct {
	Weights []float64 `json:"weights"`
	Centers []float64 `json:"centers"`
	Min     float64   `json:"min"`
	Max     float64   `json:"max"`
}

// ColumnState is a column and its map. A column is one of codes where Codes is not nil, and
// ranked where Value is not nil.
type ColumnState struct {
	Name     string      `json:"name"`
	Kind     string      `json:"kind"` // as column.Kind is called
	Merged   float64     `json:"merged,omitempty"`
	Constant bool        `json:"constant,omitempty"` // no input
	Rare     bool        `json:"rare,omitempty"`     // no input, because no code is frequent
	Heavy    bool        `json:"heavy,omitempty"`
	IDs      bool        `json:"ids,omitempty"`
	Sentinel *Sentinel   `json:"sentinel,omitempty"`
	Spike    *SpikeState `json:"spike,omitempty"`

	Distinct  int         `json:"distinct,omitempty"`
	Min       float64     `json:"min"`
	Max       float64     `json:"max"`
	Median    float64     `json:"median"`
	Spread    float64     `json:"spread"`
	Unit      float64     `json:"unit"`
	Mean      float64     `json:"mean"`
	Scale     float64     `json:"scale"`
	Harmonics int         `json:"harmonics,omitempty"`
	Codes     *CodesState `json:"codes,omitempty"`

	Value []float64 `json:"-"` // knots of a rank map, ascending
	Image []float64 `json:"-"` // normal quantiles of their ranks
}

// SpikeState is a value that very many rows have, which has an input of its own.
type SpikeState struct {
	Value float64 `json:"value"`
	Share float64 `json:"share"` // of the training rows
}

// CodesState is the map of a column of codes, with Labels, or of whole numbers that are taken for
// codes, with Values.
type CodesState struct {
	Labels   []string  `json:"labels,omitempty"`
	Values   []float64 `json:"values,omitempty"` // ascending
	Distinct int       `json:"distinct"`
	Pooled   int       `json:"pooled"`
	Input    []int32   `json:"input"` // of each label; -1 where it is rare
	Rare     int       `json:"rare"`  // the input of rare codes, or -1
	Share    []float64 `json:"-"`     // of each input
}

// RadiusState is the radius of a side. It is one of distances from the medians in units of
// half the distances of the quartiles where Line is true, and of the images of the maps
// otherwise.
type RadiusState struct {
	Line bool    `json:"line"`
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
	Mean float64 `json:"mean"`
	Unit float64 `json:"unit"`
}

// State returns all that the maps are. It shares arrays with them.
func (m Maps) State() MapsState { return MapsState{m.X.state(), m.Z.state()} }

func (s Side) state() SideState {
	var all SideState
	for j, c := range s.columns {
		m := &s.maps[j]
		state := ColumnState{
			Name: c.Name, Kind: c.Kind.String(), Merged: c.Merged, Constant: m.constant, Rare: m.rare, Heavy: m.heavy, IDs: m.ids,
			Distinct: m.distinct, Min: m.min, Max: m.max, Median: m.median, Spread: m.spread,
			Unit: m.unit, Mean: m.mean, Scale: m.scale, Harmonics: int(m.harmonics), Value: m.value, Image: m.image,
		}
		if m.codes != nil {
			state.Codes = &CodesState{c.Labels, m.codes.values, m.codes.distinct, m.codes.pooled, m.codes.input, m.codes.rare, m.codes.share}
		}
		if m.sentinel != (Sentinel{}) {
			state.Sentinel = &m.sentinel
		}
		if m.spike != (spike{}) {
			state.Spike = &SpikeState{m.spike.value, m.spike.share}
		}
		all.Columns = append(all.Columns, state)
	}
	for _, d := range s.directions {
		all.Directions = append(all.Directions, DirectionState{d.weights, d.centers, d.min, d.max})
	}
	if r := s.radius; r != nil {
		first := slices.IndexFunc(r.by, func(c coordinate) bool { return c.counts })
		all.Radius = &RadiusState{r.by[first].image == nil, r.min, r.max, r.mean, r.unit}
	}
	return all
}

// Columns describes the columns that the maps are of. The slice must not be modified.
func (s Side) Columns() []column.Column { return s.columns }

// Restore returns the maps of a state. What no maps can be is an error that names the
// column.
func Restore(state MapsState) (m Maps, err error) {
	for _, side := range []struct {
		name string
		SideState
		to *Side
	}{{"x", state.X, &m.X}, {"z", state.Z, &m.Z}} {
		if *side.to, err = side.restore(side.name); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (s SideState) restore(name string) (Side, error) {
	side := Side{name: name, columns: make([]column.Column, len(s.Columns)), maps: make([]Map, len(s.Columns))}
	for j, c := range s.Columns {
		kinds := []column.Kind{column.Real, column.Integer, column.Code}
		at := slices.IndexFunc(kinds, func(k column.Kind) bool { return k.String() == c.Kind })
		err := c.check()
		if at < 0 || (kinds[max(at, 0)] == column.Code) != (c.Codes != nil && c.Codes.Values == nil) {
			err = fmt.Errorf("is of kind %q, which does not go with its map", c.Kind)
		}
		if err != nil {
			return side, fmt.Errorf("preprocess: column %s of %s %w", c.Name, name, err)
		}
		side.columns[j] = column.Column{Name: c.Name, Kind: kinds[at], Merged: c.Merged}
		side.maps[j] = Map{
			constant: c.Constant, rare: c.Rare, heavy: c.Heavy, ids: c.IDs, distinct: c.Distinct, min: c.Min, max: c.Max, median: c.Median, spread: c.Spread,
			value: c.Value, image: c.Image, unit: c.Unit, harmonics: harmonics(c.Harmonics), mean: c.Mean, scale: c.Scale,
		}
		if c.Codes != nil {
			side.columns[j].Labels = c.Codes.Labels
			side.maps[j].codes = &codeInputs{
				input: c.Codes.Input, share: c.Codes.Share, rare: c.Codes.Rare, distinct: c.Codes.Distinct, pooled: c.Codes.Pooled, values: c.Codes.Values,
			}
		}
		if c.Sentinel != nil {
			side.maps[j].sentinel = *c.Sentinel
		}
		if c.Spike != nil {
			side.maps[j].spike = spike{c.Spike.Value, c.Spike.Share}
		}
	}
	for k, d := range s.Directions {
		if len(d.Weights) != len(s.Columns) || len(d.Centers) != len(s.Columns) || !finite(d.Weights...) || !finite(d.Centers...) || !finite(d.Min, d.Max) || d.Min >= d.Max {
			return side, fmt.Errorf("preprocess: direction %d of %s has %d weights and %d centers of %d columns, from %v to %v", k, name, len(d.Weights), len(d.Centers), len(s.Columns), d.Min, d.Max)
		}
		for j, a := range d.Weights {
			if a != 0 && (s.Columns[j].Constant || s.Columns[j].Codes != nil) {
				return side, fmt.Errorf("preprocess: direction %d of %s counts column %s, which is no number or does not vary", k, name, s.Columns[j].Name)
			}
		}
		side.directions = append(side.directions, direction{d.Weights, d.Centers, d.Min, d.Max})
	}
	if r := s.Radius; r != nil {
		method := Rank
		if r.Line {
			method = Standardize
		}
		side.radius = newRadius(side.maps, method)
		if side.radius == nil || !finite(r.Min, r.Max, r.Mean, r.Unit) || !(r.Min < r.Max && r.Unit > 0) {
			return side, fmt.Errorf("preprocess: the columns of %s have no radius from %v to %v, of mean %v and unit %v", name, r.Min, r.Max, r.Mean, r.Unit)
		}
		side.radius.min, side.radius.max, side.radius.mean, side.radius.unit = r.Min, r.Max, r.Mean, r.Unit
	}
	if side.Inputs() == 0 {
		return side, fmt.Errorf("preprocess: every column of %s is %w", name, ErrConstant)
	}
	return side, nil
}

// check reports what no map can be.
func (c *ColumnState) check() error {
	switch {
	case !finite(c.Min, c.Max, c.Median, c.Spread, c.Unit, c.Mean, c.Scale) || !finite(c.Value...) || !finite(c.Image...):
		return errors.New("has a map with numbers that are not finite")
	case c.Harmonics < 0 || c.Harmonics > mostHarmonics || c.Harmonics > 0 && c.Value == nil:
		return fmt.Errorf("has %d harmonics, want 0 to %d, and none without ranks", c.Harmonics, mostHarmonics)
	case c.Spike != nil && !(finite(c.Spike.Value) && c.Spike.Share > 0 && c.Spike.Share < 1):
		return fmt.Errorf("has a spike at %v of share %v", c.Spike.Value, c.Spike.Share)
	case c.Codes != nil:
		return c.Codes.check(c.Constant)
	case c.Constant:
		return nil
	case !(c.Min < c.Max && c.Unit > 0 && c.Scale > 0 && c.Spread >= 0):
		return fmt.Errorf("has a map from %v to %v, of unit %v, scale %v and spread %v", c.Min, c.Max, c.Unit, c.Scale, c.Spread)
	case c.Value == nil && c.Image == nil:
		return nil
	}
	last := len(c.Value) - 1
	if last < 1 || len(c.Image) != len(c.Value) || c.Value[0] != c.Min || c.Value[last] != c.Max {
		return fmt.Errorf("has %d knots and %d images from %v to %v", len(c.Value), len(c.Image), c.Min, c.Max)
	}
	for i := range last {
		if !(c.Value[i] < c.Value[i+1]) || c.Image[i] > c.Image[i+1] {
			return fmt.Errorf("has knot %d, %v to %v, that the next, %v to %v, is not above", i, c.Value[i], c.Image[i], c.Value[i+1], c.Image[i+1])
		}
	}
	return nil
}

func (c *CodesState) check(constant bool) error {
	inputs := len(c.Share)
	codes := max(len(c.Labels), len(c.Values))
	if !finite(c.Values...) || !slices.IsSorted(c.Values) || c.Labels != nil && c.Values != nil {
		return errors.New("has codes of numbers that do not ascend, or labels too")
	}
	if len(c.Input) != codes || c.Rare < -1 || c.Rare >= inputs || !constant && inputs < 2 {
		return fmt.Errorf("has %d codes, %d of them with inputs, %d inputs, that of rare codes %d", codes, len(c.Input), inputs, c.Rare)
	}
	for i, k := range c.Input {
		if k < -1 || int(k) >= inputs {
			return fmt.Errorf("has code %d with input %d of %d", i, k, inputs)
		}
	}
	for k, p := range c.Share {
		if !(p > 0 && p <= 1) || p == 1 && !constant {
			return fmt.Errorf("has input %d with a share of %v", k, p)
		}
	}
	return nil
}

// finite reports whether all numbers are.
func finite(all ...float64) bool {
	for _, v := range all {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
