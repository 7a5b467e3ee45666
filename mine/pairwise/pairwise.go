// Package pairwise finds which of many variables depend on each other, and how much: all pairs of
// columns, or of groups of columns. A screen looks at every pair in microseconds; critics estimate the
// information of those that it leaves.
//
// # The screen
//
// Each column of numbers is ranked once, equal values in random order, and its ranks become normal
// scores. Every pair is then looked at twice.
//
// The Gaussian copula. With R the correlations of the scores,
//
//	I_G = - ln( det R / (det R_A det R_B) ) / 2,   of two columns - ln(1 - r^2)/2
//
// The correlations of all columns are one matrix product. In large samples I_G of two columns is at most
// I(X;Z): of all laws with normal marginals and correlation r the normal one has the least information.
// Its null law is that of r, p = I_(1-r^2)((n-2)/2, 1/2), an incomplete beta function, and for groups of
// p and q columns Bartlett's (1954): -(n - 1 - (p+q+1)/2) ln Lambda is chi^2 with pq degrees of freedom,
// Lambda = exp(-2 I_G).
//
// Bins, which see what is not monotone. A column is cut into up to 16 bins of as many rows, a column of
// few values into these, and codes into the most frequent ones; a bin has sqrt(5n) rows at least, so that
// every cell of a table of two columns expects five. Of a table of a rows and b columns
//
//	I_B = sum (n_ij/n) ln( n n_ij / n_i n_j ),   G = 2 n I_B,
//
// and G/q is chi^2 with (a-1)(b-1) degrees of freedom if the columns are independent, q being Williams'
// correction (1976). The same is done with four bins, which see less but with fewer degrees of freedom.
// By the data processing inequality I_B is at most I(X;Z). Groups are looked at column by column.
//
// Both p-values are Bonferroni's of all looks, each kind having half of the level, so that p is at
// most u with a probability of at most u for independent variables and, up to the approximations above,
// whatever their laws: ranks know none. Information is the larger of the two, less what chance makes
// of it on average, pq/2n and (a-1)(b-1)/2n (Miller 1955).
//
// # Rows
//
// The null laws are of rows that are independent of each other. Where both variables are series, n is
// divided by 1 + 2 sum r_k s_k (Bartlett 1935, package dependence), and where fewer than 100 rows would be
// left, p is 1: nothing can be said. Where whole rows are there m_1, m_2, .. times, n is n^2/sum m^2.
// A table that was sorted by one of its columns has independent rows.
//
// # Many pairs
//
// Of the pairs that are left at a false discovery rate, a share of at most that rate is expected to be
// independent: by Benjamini and Hochberg (1995) if the p-values are independent or positively dependent on
// each other, by Benjamini and Yekutieli (2001) in any case. A q-value is the smallest rate at which a pair
// is left (independence.QValues).
package pairwise

import (
	"fmt"
	"math"
	"strings"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/independence"
)

// A Variable is a column, or a group of columns that are taken together.
type Variable struct {
	Name string
	Data column.Source // [n, d]; d > 1 for a group
}

// Columns makes a variable of every column of a source.
func Columns(s column.Source) []Variable {
	if column.Check(s) != nil {
		return []Variable{{Data: s}} // Screen reports it
	}
	all := make([]Variable, len(s.Columns()))
	for j, c := range s.Columns() {
		all[j] = Variable{c.Name, column.Select(s, j)}
	}
	return all
}

// Config is what changes the numbers. Start from DefaultConfig.
type Config struct {
	FDR       float64                `json:"fdr"`        // false discovery rate of the screen
	FDRMethod independence.FDRMethod `json:"fdr_method"` // by which p-values become q-values
	Top       int                    `json:"top"`        // pairs that critics estimate, at most: those of the most information
	All       bool                   `json:"all"`        // critics estimate all pairs, whatever the screen says
	Estimate  mine.Config            `json:"estimate"`   // its seed also orders equal values
}

// DefaultConfig returns settings for data of the given number of rows: a false discovery rate of 5% by
// Benjamini and Hochberg, and critics of mine.Fast for 100 pairs.
func DefaultConfig(rows int) Config { return ConfigFor(rows, mine.Fast) }

// ConfigFor is DefaultConfig with critics of another effort.
func ConfigFor(rows int, effort mine.Effort) Config {
	return Config{FDR: 0.05, FDRMethod: independence.BenjaminiHochberg, Top: 100, Estimate: mine.ConfigFor(rows, effort)}
}

// Validate reports the first field that cannot be used, as a *mine.FieldError.
func (c Config) Validate() error {
	switch {
	case !(c.FDR > 0 && c.FDR < 1):
		return &mine.FieldError{Field: "fdr", Value: c.FDR, Want: "between 0 and 1"}
	case !c.FDRMethod.Known():
		return &mine.FieldError{Field: "fdr_method", Value: c.FDRMethod, Want: "one of " + strings.Join(independence.FDRMethods(), ", ")}
	case c.Top < 0:
		return &mine.FieldError{Field: "top", Value: c.Top, Want: "0 or more"}
	}
	return c.Estimate.Validate()
}

// validateGroups reports the first field of the settings of an estimate that cannot be used with groups of rows, if there are any.
func validateGroups(cfg mine.Config, groups []int) error {
	if groups == nil {
		return nil
	}
	return cfg.ValidateGroups()
}

// Normalised brings information to a scale from 0 to 1,
//
//	sqrt(1 - exp(-2 I)),
//
// the absolute correlation of a normal law of information I (Linfoot 1957). It is 0 below I = 0.
func Normalised(nats float64) float64 { return math.Sqrt(-math.Expm1(-2 * math.Max(0, nats))) }

// check reports variables that make no table.
func check(vars []Variable) error {
	if len(vars) < 2 {
		return fmt.Errorf("pairwise: %d variables, want at least 2 to make a pair: %w", len(vars), column.ErrEmpty)
	}
	names := make(map[string]bool, len(vars))
	for _, v := range vars {
		if err := column.Check(v.Data); err != nil {
			return fmt.Errorf("pairwise: variable %s: %w", v.Name, err)
		}
		if n, first := v.Data.Rows(), vars[0].Data.Rows(); n != first {
			return fmt.Errorf("pairwise: variable %s has %d rows, variable %s has %d: rows must belong together", v.Name, n, vars[0].Name, first)
		}
		if names[v.Name] {
			return fmt.Errorf("pairwise: two variables are named %s: give each its own name", v.Name)
		}
		names[v.Name] = true
	}
	if n := vars[0].Data.Rows(); n < leastRows {
		return fmt.Errorf("pairwise: %d rows, want at least %d: %w", n, leastRows, mine.ErrTooFewSamples)
	}
	return nil
}
