package table

import (
	"encoding/binary"
	"math"
	"math/big"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// newLeaf returns the leaf of a column of a Parquet file. duration is how many of its units make a second
// if it is known to hold durations, and 0 otherwise.
func newLeaf(c *schema.Column, duration int64) leaf {
	typ := nestedType(c)
	if typ == "" {
		if l := leafOf(c, duration); l != nil {
			return l
		}
		typ = c.PhysicalType().String()
		if t := c.LogicalType(); t != nil && !t.IsNone() {
			typ = t.String()
		}
	}
	return unread(typ)
}

// numbers returns the leaf of a column whose values are read as numbers.
func numbers[T any](c *schema.Column, m meaning, number func(T) float64) leaf {
	return &chunks[T]{meaning: m, number: number, most: c.MaxDefinitionLevel(), element: elementLevel(c)}
}

// elementLevel returns the definition level of an element of the list that c is of, or 0.
func elementLevel(c *schema.Column) int16 {
	level, found := int16(0), false
	for n := c.SchemaNode(); n.Parent() != nil; n = n.Parent() {
		found = found || isRepeated(n)
		if found && n.RepetitionType() != parquet.Repetitions.Required {
			level++
		}
	}
	return level
}

// leafOf returns the leaf of a column of numbers or texts, and nil for others.
func leafOf(c *schema.Column, duration int64) leaf {
	t := c.LogicalType()
	if d, ok := t.(schema.DecimalLogicalType); ok {
		return decimals(c, d.Scale())
	}
	switch c.PhysicalType() {
	case parquet.Types.Boolean:
		return numbers(c, ofBooleans, func(b bool) float64 {
			if b {
				return 1
			}
			return 0
		})
	case parquet.Types.Int32:
		means, number := integer(t, 32, 0)
		return numbers(c, means, func(v int32) float64 { return number(int64(v)) })
	case parquet.Types.Int64:
		means, number := integer(t, 64, duration)
		return numbers(c, means, number)
	case parquet.Types.Int96: // a time: nanoseconds of a day, and the day by Julius Caesar
		return numbers(c, ofTimes, func(v parquet.Int96) float64 {
			const first = 2440588 // of January 1970
			return float64(int64(binary.LittleEndian.Uint32(v[8:]))-first)*secondsPerDay + seconds(int64(binary.LittleEndian.Uint64(v[:8])), 1e9)
		})
	case parquet.Types.Float:
		return numbers(c, ofNumbers, func(v float32) float64 { return float64(v) })
	case parquet.Types.Double:
		return numbers(c, ofNumbers, func(v float64) float64 { return v })
	case parquet.Types.ByteArray:
		switch t.(type) {
		case schema.StringLogicalType, schema.EnumLogicalType:
			return &chunks[parquet.ByteArray]{meaning: ofTexts, text: func(b parquet.ByteArray) string { return string(b) }, most: c.MaxDefinitionLevel(), element: elementLevel(c)}
		}
	case parquet.Types.FixedLenByteArray:
		if _, ok := t.(schema.Float16LogicalType); ok {
			return numbers(c, ofNumbers, func(b parquet.FixedLenByteArray) float64 { return half(binary.LittleEndian.Uint16(b)) })
		}
	}
	return nil
}

// integer returns what an integer of so many bits means, by its logical type, and its number. Parquet
// has no type of durations.
func integer(t schema.LogicalType, bits int, duration int64) (means meaning, number func(v int64) float64) {
	switch t := t.(type) {
	case schema.IntLogicalType:
		if !t.IsSigned() && bits == 32 {
			return ofNumbers, func(v int64) float64 { return float64(uint32(v)) }
		}
		if !t.IsSigned() {
			return ofNumbers, func(v int64) float64 { return float64(uint64(v)) }
		}
	case schema.DateLogicalType:
		return ofTimes, func(v int64) float64 { return float64(v) * secondsPerDay }
	case schema.TimestampLogicalType:
		unit := perSecond(t.TimeUnit())
		return ofTimes, func(v int64) float64 { return seconds(v, unit) }
	case schema.TimeLogicalType:
		unit := perSecond(t.TimeUnit())
		return ofTimesOfDay, func(v int64) float64 { return seconds(v, unit) }
	case schema.NullLogicalType:
		return ofNothing, func(v int64) float64 { return float64(v) }
	}
	if duration > 0 {
		return ofDurations, func(v int64) float64 { return seconds(v, duration) }
	}
	return ofNumbers, func(v int64) float64 { return float64(v) }
}

func perSecond(u schema.TimeUnitType) int64 {
	switch u {
	case schema.TimeUnitMillis:
		return 1e3
	case schema.TimeUnitMicros:
		return 1e6
	}
	return 1e9
}

// decimals returns the leaf of a column of decimal numbers.
func decimals(c *schema.Column, scale int32) leaf {
	if scale < 0 || scale > maxScale {
		return nil
	}
	switch c.PhysicalType() {
	case parquet.Types.Int32:
		return numbers(c, ofNumbers, func(v int32) float64 { return smallDecimal(int64(v), scale) })
	case parquet.Types.Int64:
		return numbers(c, ofNumbers, func(v int64) float64 { return smallDecimal(v, scale) })
	case parquet.Types.ByteArray:
		return numbers(c, ofNumbers, func(b parquet.ByteArray) float64 { return decimal(twosComplement(b), scale) })
	case parquet.Types.FixedLenByteArray:
		return numbers(c, ofNumbers, func(b parquet.FixedLenByteArray) float64 { return decimal(twosComplement(b), scale) })
	}
	return nil
}

// maxScale is the largest scale of a decimal number of 256 bits.
const maxScale = 76

// twosComplement returns the integer that b holds, its high byte first.
func twosComplement(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

// seconds returns the time v, of which so many units make a second.
func seconds(v, unit int64) float64 {
	return float64(v/unit) + float64(v%unit)/float64(unit)
}

const secondsPerDay = 24 * 60 * 60

// decimal returns n / 10^scale, rounded once.
func decimal(n *big.Int, scale int32) float64 {
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(scale, -scale))), nil)
	if scale < 0 {
		v, _ := new(big.Float).SetInt(power.Mul(power, n)).Float64()
		return v
	}
	v, _ := new(big.Rat).SetFrac(n, power).Float64()
	return v
}

// smallDecimal is decimal for 64 bits.
func smallDecimal(n int64, scale int32) float64 {
	const exactPower = 22 // 10^22 is a float64, and 10^23 is not
	if scale >= 0 && scale <= exactPower && n > -1<<53 && n < 1<<53 {
		return float64(n) / math.Pow10(int(scale))
	}
	return decimal(big.NewInt(n), scale)
}
