package backend

import (
	"fmt"
	"math"
)

// The checks of this file are those that every backend makes of its arguments. All
// errors wrap ErrShape.

// CheckPaired reports whether x and z are rows that belong together.
func CheckPaired(x, z Matrix) error {
	for _, m := range []Matrix{x, z} {
		if err := m.Validate(); err != nil {
			return err
		}
	}
	if x.Rows != z.Rows || x.Rows < 1 {
		return fmt.Errorf("x has %d rows, z has %d: %w", x.Rows, z.Rows, ErrShape)
	}
	if x.Rows > math.MaxInt32 {
		return fmt.Errorf("%d rows, at most 2^31-1: %w", x.Rows, ErrShape)
	}
	return nil
}

// CheckReplacement is CheckPaired for rows that take the place of d's.
func CheckReplacement(d Data, x, z Matrix) error {
	if err := CheckPaired(x, z); err != nil {
		return err
	}
	rows := d.Rows()
	dx, dz := d.Dims()
	if x.Rows != rows || x.Cols != dx || z.Cols != dz {
		return fmt.Errorf("rows [%d, %d] and [%d, %d] by [%d, %d] and [%d, %d]: %w",
			rows, dx, rows, dz, x.Rows, x.Cols, z.Rows, z.Cols, ErrShape)
	}
	return nil
}

// CheckColumns reports whether a network reads rows of d.
func (n Network) CheckColumns(d Data) error {
	if dx, dz := d.Dims(); dx != n.DX || dz != n.DZ {
		return fmt.Errorf("data of %d and %d columns for a network of %d and %d: %w", dx, dz, n.DX, n.DZ, ErrShape)
	}
	return nil
}

// CheckParams reports whether params are those of a network that can be run.
func (n Network) CheckParams(params []float32) error {
	if err := n.Validate(); err != nil {
		return err
	}
	if want := n.NumParams(); len(params) != want {
		return fmt.Errorf("%d parameters, network has %d: %w", len(params), want, ErrShape)
	}
	return nil
}

// CheckTraining reports whether spec can be run on rows train of d.
func CheckTraining(s Spec, d Data, train Rows) error {
	if err := s.Network.Validate(); err != nil {
		return err
	}
	if err := s.Network.CheckColumns(d); err != nil {
		return err
	}
	if err := train.Validate(d.Rows()); err != nil {
		return err
	}
	return s.Validate(train.Len())
}

// CheckPairs reports whether pairs of rows of d can be scored into that many
// results.
func CheckPairs(d Data, xs, zs []int, results int) error {
	if len(zs) != len(xs) || results != len(xs) {
		return fmt.Errorf("%d x rows, %d z rows, %d results: %w", len(xs), len(zs), results, ErrShape)
	}
	n := d.Rows()
	for i := range xs {
		if xs[i] < 0 || xs[i] >= n || zs[i] < 0 || zs[i] >= n {
			return fmt.Errorf("pair %d of rows %d and %d, data has %d rows: %w", i, xs[i], zs[i], n, ErrShape)
		}
	}
	return nil
}

// CheckEvaluation reports whether rows of d can be evaluated in the pairs of p.
func CheckEvaluation(d Data, rows Rows, p Pairing, influence []float64) error {
	if err := rows.Validate(d.Rows()); err != nil {
		return err
	}
	if err := p.Validate(rows.Len()); err != nil {
		return err
	}
	if influence != nil && len(influence) != rows.Len() {
		return fmt.Errorf("%d influence values of %d rows: %w", len(influence), rows.Len(), ErrShape)
	}
	return nil
}
