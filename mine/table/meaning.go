package table

import "github.com/apache/arrow-go/v18/arrow"

// meaning is what the values of a column stand for, as far as the format says. Those of times and
// others are read as numbers, and so may be put into one column with what they have nothing to do with.
type meaning uint8

const (
	ofNothing meaning = iota // nulls alone, or a type that is not read
	ofValues                 // of text and arrays: what they are is told by the values
	ofNumbers
	ofBooleans
	ofTimes
	ofTimesOfDay
	ofDurations
	ofTexts
)

func (m meaning) String() string {
	return [...]string{"nothing", "values without a type", "numbers", "booleans", "times", "times of day", "durations", "texts"}[m]
}

// joins reports whether values of m and of o make one column, read as codes if there is a book.
// Where a column of numbers has texts, these say so themselves.
func (m meaning) joins(o meaning, book *codebook) bool {
	are := func(a, b meaning) bool { return m == a && o == b || m == b && o == a }
	switch {
	case m == o, m == ofNothing, o == ofNothing, are(ofValues, ofNumbers), are(ofValues, ofTexts):
		return true
	case are(ofNumbers, ofTexts):
		return book == nil || book.asked
	case m == ofTexts, o == ofTexts, are(ofValues, ofBooleans):
		return book == nil
	}
	return false
}

// arrowMeaning returns what values of an Arrow type, or the elements of its lists, stand for.
func arrowMeaning(typ arrow.DataType) meaning {
	typ = storage(typ)
	if list, ok := typ.(arrow.ListLikeType); ok && isArrowList(typ) {
		return arrowMeaning(list.Elem())
	}
	if d, ok := typ.(*arrow.DictionaryType); ok {
		return arrowMeaning(d.ValueType)
	}
	switch id := typ.ID(); id {
	case arrow.BOOL:
		return ofBooleans
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW:
		return ofTexts
	case arrow.TIMESTAMP, arrow.DATE32, arrow.DATE64:
		return ofTimes
	case arrow.TIME32, arrow.TIME64:
		return ofTimesOfDay
	case arrow.DURATION:
		return ofDurations
	default:
		if arrow.IsInteger(id) || arrow.IsFloating(id) || arrow.IsDecimal(id) {
			return ofNumbers
		}
	}
	return ofNothing
}
