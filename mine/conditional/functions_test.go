package conditional

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gomine/mine"
	"gomine/mine/column"
)

// TestFunctions: a column of X that is a function of a column of Y, or of several, is named, whatever it is
// not a monotone function or a sum of. What may be one by chance is none: of ids, of copies of rows, and
// of a value that is rare.
func TestFunctions(t *testing.T) {
	const rows = 2000
	g := rand.New(rand.NewPCG(4, 1))
	words, other := make([]string, rows), make([]string, rows)
	var own [200]float64
	for p := range own {
		own[p] = 50 + g.Float64()
	}
	normal, counts, id := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	coded, both, noisy, rare, recoded, step, personal, weight := make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, rows),
		make([]float64, rows), make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range rows {
		k, l := g.IntN(6), g.IntN(5)
		words[i], other[i] = fmt.Sprint("w", k), fmt.Sprint("o", l)
		normal[i], counts[i], id[i] = g.NormFloat64(), float64(g.IntN(300)), float64(i)
		coded[i], recoded[i] = float64([]int{2, 0, 2, 1, 1, 0}[k]), float64(10*k)
		both[i] = float64((k*l + k + l) % 4)
		noisy[i], step[i] = coded[i], 1.5*float64(int(counts[i])/20%3)
		weight[i] = own[i%len(own)]
		personal[i] = float64(int(weight[i]*1e6) % 2)
	}
	noisy[7]++
	rare[3], counts[3] = 1, 1000
	codes := column.Named(column.Join(column.Codes(words), column.Codes(other)), "words", "other")
	numeric := column.Named(column.Slices(counts, normal, id, weight), "counts", "normal", "id", "weight")
	given := column.Join(numeric, codes)
	each := []mine.FoldRows{{}} // rows are units
	persons := mine.FoldRows{Units: make([]int, 0, 200)}
	for p := range 200 {
		for i := p; i < rows; i += 200 {
			persons.Test = append(persons.Test, i)
		}
		persons.Units = append(persons.Units, rows/200)
	}
	for _, c := range []struct {
		name  string
		x     []float64
		given column.Source
		folds []mine.FoldRows
		want  string // columns of y; "" if x is no function
	}{
		{"a recoding of words", recoded, given, each, "column words of y"},
		{"a function of words", coded, given, each, "column words of y"},
		{"a step function of numbers", step, given, each, "column counts of y"},
		{"a function of two", both, given, each, "columns other, words of y"},
		{"but for one row", noisy, given, each, ""},
		{"one row alone", rare, given, each, ""},
		{"of ids", coded, column.Select(given, 2), each, ""},
		{"of numbers of persons' own, rows independent", personal, column.Select(given, 3), each, "column weight of y"},
		{"of numbers of persons' own", personal, column.Select(given, 3), []mine.FoldRows{persons}, ""},
		{"of words, of persons", coded, given, []mine.FoldRows{persons}, "column words of y"},
	} {
		d := Data{X: column.Join(column.Slices(normal), column.Named(column.Slices(c.x), "target")), Given: c.given}
		err := d.checkFunctions(unitsOf(c.folds, rows))
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrDetermined) || !strings.Contains(err.Error(), "column target of x") || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestSurprising compares with the share of all orders of 6 rows whose x is a function of y: with
// sizes 2, 2, 2 and values a, a, b, it is P = 3!/2! of 6!/(4! 2!) = 15 orders.
func TestSurprising(t *testing.T) {
	if p := logOrders(map[float64]int{0: 2, 1: 1}) - logOrders(map[float64]int{0: 4, 1: 2}); p > -1.6094379 || p < -1.6094380 {
		t.Errorf("ln P = %v, want ln(3/15)", p)
	}
	for _, c := range []struct {
		name  string
		of    []float64
		sizes []int
		want  bool
	}{
		{"two halves", []float64{0, 1}, []int{51, 51}, true},
		{"two halves of few", []float64{0, 1}, []int{51, 50}, false},
		{"a constant", []float64{1, 1, 1}, []int{900, 900, 900}, false},
		{"a rare value in two rows", []float64{1, 0, 0}, []int{2, 499, 499}, false},
		{"a value in one of three parts", []float64{1, 0, 0}, []int{100, 450, 450}, true},
		{"ids", make([]float64, 50), slices.Repeat([]int{1}, 50), false},
	} {
		if got := surprising(c.of, c.sizes); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
