package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"gomine/mine/column"
	"gomine/mine/conditional"
)

// mixedFunctions are those of numbers in mixedNetwork.
var mixedFunctions = []func(float64) float64{
	func(v float64) float64 { return v },
	func(v float64) float64 { return v * v },
	math.Cos,
}

const (
	mixedSignal = 0.85 // how often a code is what its parents make it
	mixedCodes  = 4    // the most values of a code; there are two at least
)

// A mixedVariable is a column of numbers, or of codes.
type mixedVariable struct {
	codes    int // how many there are; 0 of numbers
	function func(float64) float64
	values   []float64
}

// mixedNetwork draws the data by which mCMIkNN (Huegle, Hagedorn and Schlosser, ECML PKDD 2023) was compared: y of so many columns,
// each of codes by a chance of 0, 1/4, .. 1 and else standard normal, and x and z of one column, which are codes
// by the same chance. A number is the mean of its parents' values, of those that are numbers after a function, and a
// standard normal; a code is the sum of its parents' codes and of one code for each number v among them, k with a
// probability of e^(kv) / (1 + e^v + ..), modulo their count, in 85 of 100 rows, and another one in the rest.
// Parents are y, which has none, so that a code of it is 0 in 85 of 100 rows, and, of z where it depends on x, x and, if z is a number, y.
func mixedNetwork(g *rand.Rand, rows, given int, dependent bool) conditional.Data {
	ratio := float64(g.IntN(5)) / 4
	least := 2 + g.IntN(mixedCodes-1)
	most := least + g.IntN(mixedCodes-least+1)
	next := func(parents []mixedVariable, others []mixedVariable) mixedVariable {
		v := mixedVariable{function: mixedFunctions[g.IntN(len(mixedFunctions))], values: make([]float64, rows)}
		if g.Float64() < ratio {
			v.codes = least + g.IntN(most-least+1)
		} else {
			parents = append(parents[:len(parents):len(parents)], others...)
		}
		for i := range rows {
			if v.codes == 0 {
				v.values[i] = g.NormFloat64() + meanOf(parents, i)
				continue
			}
			code := sumOfCodes(g, parents, i, v.codes)
			if g.Float64() > mixedSignal {
				code += 1 + g.IntN(v.codes-1)
			}
			v.values[i] = float64(code % v.codes)
		}
		return v
	}
	var y []mixedVariable
	for range given {
		y = append(y, next(nil, nil))
	}
	x := next(y, nil)
	parents, others := y, []mixedVariable(nil)
	if dependent {
		parents, others = []mixedVariable{x}, y
	}
	z := next(parents, others)
	var columns []column.Source
	for k, v := range y {
		columns = append(columns, v.source(fmt.Sprintf("y%d", k+1)))
	}
	return conditional.Data{X: x.source("x"), Z: z.source("z"), Given: column.Join(columns...)}
}

// meanOf is that of the values of parents in a row.
func meanOf(parents []mixedVariable, i int) (mean float64) {
	for _, p := range parents {
		if p.codes > 0 {
			mean += p.values[i] / float64(len(parents))
		} else {
			mean += p.function(p.values[i]) / float64(len(parents))
		}
	}
	return mean
}

// sumOfCodes draws the signal of a variable of codes.
func sumOfCodes(g *rand.Rand, parents []mixedVariable, i, codes int) (sum int) {
	for _, p := range parents {
		if p.codes > 0 {
			sum += int(p.values[i])
			continue
		}
		var total float64
		for k := range codes {
			total += math.Exp(float64(k) * p.values[i])
		}
		left, k := g.Float64()*total, 0
		for ; k < codes-1; k++ {
			if left -= math.Exp(float64(k) * p.values[i]); left < 0 {
				break
			}
		}
		sum += k
	}
	return sum
}

func (v mixedVariable) source(name string) column.Source {
	if v.codes == 0 {
		return column.Named(column.Slices(v.values), name)
	}
	labels := make([]string, len(v.values))
	for i, code := range v.values {
		labels[i] = strconv.Itoa(int(code))
	}
	return column.Named(column.Codes(labels), name)
}
