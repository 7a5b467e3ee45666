package table

import (
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	arrowarray "github.com/apache/arrow-go/v18/arrow/array"
)

// arrowColumn is a column of a batch of rows.
type arrowColumn struct {
	values arrow.Array
	groups []*arrowarray.Struct // that it is in; where one is null, so is its value
	words  values               // of its dictionary, if it has one
}

// columnAt returns the column that path leads to.
func columnAt(batch arrow.RecordBatch, path []int) arrowColumn {
	c := arrowColumn{values: stored(batch.Column(path[0]))}
	for _, i := range path[1:] {
		group := c.values.(*arrowarray.Struct)
		c.groups = append(c.groups, group)
		c.values = stored(group.Field(i))
	}
	if d, ok := c.values.(*arrowarray.Dictionary); ok {
		words := stored(d.Dictionary())
		c.words = convert(words, 0, words.Len())
	}
	return c
}

// stored returns the array in which the values of a are stored.
func stored(a arrow.Array) arrow.Array {
	if e, ok := a.(arrowarray.ExtensionArray); ok {
		return stored(e.Storage())
	}
	return a
}

// read returns the values of field f in the rows from lo up to hi of a batch.
func (c *arrowColumn) read(lo, hi int, f field) values {
	var v values
	switch a := c.values.(type) {
	case *arrowarray.Dictionary:
		v = c.words.pick(a, lo, hi)
	case arrowarray.ListLike:
		if !isArrowList(a.DataType()) {
			v = unreadValues(a.DataType().String(), hi-lo)
			break
		}
		v = readArrowLists(a, lo, hi, f.width)
	default:
		v = convert(a, lo, hi)
	}
	for _, g := range c.groups {
		if g.NullN() > 0 {
			v.hide(g, lo, hi, f.width)
		}
	}
	return v
}

// pick returns the words that a has from lo up to hi.
func (v values) pick(a *arrowarray.Dictionary, lo, hi int) values {
	if v.typ != "" {
		return unreadValues(v.typ, hi-lo)
	}
	picked := newValues(hi-lo, v.texts != nil)
	for i := lo; i < hi; i++ {
		if a.IsNull(i) {
			picked.setNull(i - lo)
			continue
		}
		at := a.GetValueIndex(i)
		picked.numbers[i-lo] = v.numbers[at]
		picked.null[i-lo] = v.null != nil && v.null[at]
		if v.texts != nil {
			picked.texts[i-lo] = v.texts[at]
		}
	}
	return picked
}

// hide makes values null in the rows where the group they are in is.
func (v *values) hide(group *arrowarray.Struct, lo, hi, width int) {
	hidden := newValues(len(v.numbers), false)
	copy(hidden.numbers, v.numbers)
	copy(hidden.null, v.null)
	v.numbers, v.null = hidden.numbers, hidden.null
	for i := lo; i < hi; i++ {
		if group.IsNull(i) {
			delete(v.unequal, i-lo)
			v.setNulls(i-lo, width)
		}
	}
}

// newValues returns n values.
func newValues(n int, texts bool) values {
	v := values{numbers: make([]float64, n), null: make([]bool, n)}
	if texts {
		v.texts = make([]string, n)
	}
	return v
}

func (v *values) setNull(i int) { v.numbers[i], v.null[i] = math.NaN(), true }

// setNulls makes the values of a row null, of so many.
func (v *values) setNulls(row, width int) {
	for j := range width {
		v.setNull(row*width + j)
	}
}

// setUnequal notes that the list of a row, of so many values, has n.
func (v *values) setUnequal(row, width, n int) {
	if v.unequal == nil {
		v.unequal = make(map[int]int)
	}
	v.unequal[row] = n
	v.setNulls(row, width)
}

// unreadValues returns n values of a type that is not read.
func unreadValues(typ string, n int) values {
	v := values{numbers: make([]float64, n), typ: typ}
	for i := range v.numbers {
		v.numbers[i] = math.NaN()
	}
	return v
}

// readArrowLists returns the elements of the lists of rows from lo up to hi, of so many each.
func readArrowLists(a arrowarray.ListLike, lo, hi, width int) values {
	least, most := int64(math.MaxInt64), int64(0)
	equal := true
	for i := lo; i < hi; i++ {
		if a.IsNull(i) {
			continue
		}
		from, to := a.ValueOffsets(i)
		if to-from != int64(width) {
			equal = false
			continue
		}
		least, most = min(least, from), max(most, to)
	}
	if least > most {
		least = most
	}
	elements := convert(stored(a.ListValues()), int(least), int(most))
	if elements.typ != "" {
		return unreadValues("list of "+elements.typ, (hi-lo)*width)
	}
	if a.NullN() == 0 && equal && len(elements.numbers) == (hi-lo)*width { // lists that are null may have elements
		return elements
	}
	v := newValues((hi-lo)*width, elements.texts != nil)
	for i := lo; i < hi; i++ {
		if a.IsNull(i) {
			v.setNulls(i-lo, width)
			continue
		}
		from, to := a.ValueOffsets(i)
		if to-from != int64(width) {
			v.setUnequal(i-lo, width, int(to-from))
			continue
		}
		at := (i - lo) * width
		copy(v.numbers[at:at+width], elements.numbers[from-least:])
		if elements.null != nil {
			copy(v.null[at:at+width], elements.null[from-least:])
		}
		if elements.texts != nil {
			copy(v.texts[at:at+width], elements.texts[from-least:])
		}
	}
	return v
}

// convert returns the values of a from lo up to hi, if these are numbers or texts.
func convert(a arrow.Array, lo, hi int) values {
	switch a := a.(type) {
	case *arrowarray.Float64:
		if a.NullN() == 0 {
			return values{numbers: a.Float64Values()[lo:hi]}
		}
		return each(a, lo, hi, func(i int) float64 { return a.Value(i) })
	case *arrowarray.Float32:
		return each(a, lo, hi, func(i int) float64 { return float64(a.Value(i)) })
	case *arrowarray.Float16:
		return each(a, lo, hi, func(i int) float64 { return half(a.Value(i).Uint16()) })
	case *arrowarray.Int64:
		return each(a, lo, hi, func(i int) float64 { return float64(a.Value(i)) })
	case *arrowarray.Int32:
		return each(a, lo, hi, func(i int) float64 { return float64(a.Value(i)) })
	case *arrowarray.Int16:
		return each(a, lo, hi, func(i int) float64 { return float64(a.Value(i)) })
	case *arrowarray.Int8:
		return each(a, lo, hi, func(i int) float64 { return float64(a.Value(i)) })
	case *arrowarray.Uint64:
		return each(a, lo, hi, func(i int) float64 { return float64(a.Value(i)) })
	case *arrowarray.Uint32:
		return each(a, lo, hi, func(i int) float64 { return float64(a.Value(i)) })
	case *arrowarray.Uint16:
		return each(a, lo, hi, func(i int) float64 { return float64(a.Value(i)) })
	case *arrowarray.Uint8:
		return each(a, lo, hi, func(i int) float64 { return float64(a.Value(i)) })
	case *arrowarray.Boolean:
		return each(a, lo, hi, func(i int) float64 {
			if a.Value(i) {
				return 1
			}
			return 0
		})
	case *arrowarray.Null:
		return each(a, lo, hi, nil)
	case *arrowarray.String:
		return eachText(a, lo, hi)
	case *arrowarray.LargeString:
		return eachText(a, lo, hi)
	case *arrowarray.StringView:
		return eachText(a, lo, hi)
	}
	return convertTimes(a, lo, hi)
}

// convertTimes is convert for times, in seconds, and decimal numbers.
func convertTimes(a arrow.Array, lo, hi int) values {
	switch a := a.(type) {
	case *arrowarray.Timestamp:
		unit := unitsPerSecond(a.DataType().(*arrow.TimestampType).Unit)
		return each(a, lo, hi, func(i int) float64 { return seconds(int64(a.Value(i)), unit) })
	case *arrowarray.Duration:
		unit := unitsPerSecond(a.DataType().(*arrow.DurationType).Unit)
		return each(a, lo, hi, func(i int) float64 { return seconds(int64(a.Value(i)), unit) })
	case *arrowarray.Time32:
		unit := unitsPerSecond(a.DataType().(*arrow.Time32Type).Unit)
		return each(a, lo, hi, func(i int) float64 { return seconds(int64(a.Value(i)), unit) })
	case *arrowarray.Time64:
		unit := unitsPerSecond(a.DataType().(*arrow.Time64Type).Unit)
		return each(a, lo, hi, func(i int) float64 { return seconds(int64(a.Value(i)), unit) })
	case *arrowarray.Date32:
		return each(a, lo, hi, func(i int) float64 { return float64(a.Value(i)) * secondsPerDay })
	case *arrowarray.Date64:
		return each(a, lo, hi, func(i int) float64 { return seconds(int64(a.Value(i)), 1e3) })
	}
	d, ok := a.DataType().(arrow.DecimalType)
	if !ok || d.GetScale() > maxScale || d.GetScale() < -maxScale {
		return unreadValues(a.DataType().String(), hi-lo)
	}
	scale := d.GetScale()
	switch a := a.(type) {
	case *arrowarray.Decimal32:
		return each(a, lo, hi, func(i int) float64 { return smallDecimal(int64(a.Value(i)), scale) })
	case *arrowarray.Decimal64:
		return each(a, lo, hi, func(i int) float64 { return smallDecimal(int64(a.Value(i)), scale) })
	case *arrowarray.Decimal128:
		return each(a, lo, hi, func(i int) float64 { return decimal(a.Value(i).BigInt(), scale) })
	case *arrowarray.Decimal256:
		return each(a, lo, hi, func(i int) float64 { return decimal(a.Value(i).BigInt(), scale) })
	}
	panic(fmt.Sprintf("array %T of type %s", a, a.DataType()))
}

func unitsPerSecond(u arrow.TimeUnit) int64 { return int64(1e9 / u.Multiplier()) }

// each returns the numbers of a from lo up to hi.
func each(a arrow.Array, lo, hi int, number func(i int) float64) values {
	if a.NullN() == 0 && number != nil {
		v := values{numbers: make([]float64, hi-lo)}
		for i := range v.numbers {
			v.numbers[i] = number(lo + i)
		}
		return v
	}
	v := newValues(hi-lo, false)
	for i := range v.numbers {
		if number == nil || a.IsNull(lo+i) {
			v.setNull(i)
			continue
		}
		v.numbers[i] = number(lo + i)
	}
	return v
}

// eachText returns the texts of a from lo up to hi. They are copied, as those of a batch may be
// overwritten by the next one.
func eachText(a interface {
	arrow.Array
	Value(i int) string
}, lo, hi int) values {
	v := newValues(hi-lo, true)
	var all strings.Builder
	bytes := 0
	for i := range v.numbers {
		v.numbers[i] = math.NaN()
		if v.null[i] = a.IsNull(lo + i); !v.null[i] {
			bytes += len(a.Value(lo + i))
		}
	}
	all.Grow(bytes)
	for i := range v.numbers {
		if !v.null[i] {
			from := all.Len()
			all.WriteString(a.Value(lo + i))
			v.texts[i] = all.String()[from:]
		}
	}
	return v
}
