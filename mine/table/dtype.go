package table

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// decoder stores in dst the elements that b begins with.
type decoder func(dst []float64, b []byte)

// dtype returns how to decode elements and how many bytes one takes. literal
// is the dtype as the header has it: a string such as '<f8', in single quotes,
// or a list or tuple of fields.
func dtype(literal string) (decode decoder, size int, err error) {
	if strings.HasPrefix(literal, "[") || strings.HasPrefix(literal, "(") {
		return nil, 0, fmt.Errorf("dtype %s is structured: save its fields as the columns of a plain array", show(literal))
	}
	descr, opened := strings.CutPrefix(literal, "'")
	descr, closed := strings.CutSuffix(descr, "'")
	if !opened || !closed || len(descr) < 2 {
		return nil, 0, fmt.Errorf("bad NPY header: dtype %s", show(literal))
	}
	switch descr { // the most frequent by far, without a call for each
	case "<f8":
		return func(dst []float64, b []byte) {
			for i := range dst {
				dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
			}
		}, 8, nil
	case "<f4":
		return func(dst []float64, b []byte) {
			for i := range dst {
				dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
			}
		}, 4, nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if descr[0] == '>' {
		order = binary.BigEndian
	}
	if strings.ContainsAny(descr[:1], "<>") {
		switch descr[1:] {
		case "f2":
			return elements(2, func(b []byte) float64 { return half(order.Uint16(b)) }), 2, nil
		case "f4":
			return elements(4, func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }), 4, nil
		case "f8":
			return elements(8, func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }), 8, nil
		case "i2":
			return elements(2, func(b []byte) float64 { return float64(int16(order.Uint16(b))) }), 2, nil
		case "i4":
			return elements(4, func(b []byte) float64 { return float64(int32(order.Uint32(b))) }), 4, nil
		case "i8":
			return elements(8, func(b []byte) float64 { return float64(int64(order.Uint64(b))) }), 8, nil
		case "u2":
			return elements(2, func(b []byte) float64 { return float64(order.Uint16(b)) }), 2, nil
		case "u4":
			return elements(4, func(b []byte) float64 { return float64(order.Uint32(b)) }), 4, nil
		case "u8":
			return elements(8, func(b []byte) float64 { return float64(order.Uint64(b)) }), 8, nil
		}
	}
	if strings.ContainsAny(descr[:1], "<>|") {
		switch descr[1:] {
		case "i1":
			return elements(1, func(b []byte) float64 { return float64(int8(b[0])) }), 1, nil
		case "u1":
			return elements(1, func(b []byte) float64 { return float64(b[0]) }), 1, nil
		case "b1":
			return elements(1, func(b []byte) float64 { return float64(min(b[0], 1)) }), 1, nil
		}
	}
	switch descr[1] {
	case 'c':
		return nil, 0, fmt.Errorf("dtype %s is complex: save the real and imaginary parts as columns", show(descr))
	case 'O':
		return nil, 0, fmt.Errorf("dtype %s holds Python objects: save it as .astype('float64')", show(descr))
	case 'S', 'U', 'a':
		return nil, 0, fmt.Errorf("dtype %s holds text: save it as .astype('float64')", show(descr))
	}
	return nil, 0, fmt.Errorf("dtype %s is not supported: save it as .astype('float64')", show(descr))
}

// elements decodes elements of so many bytes one by one.
func elements(size int, one func(b []byte) float64) decoder {
	return func(dst []float64, b []byte) {
		for i := range dst {
			dst[i] = one(b[i*size:])
		}
	}
}

// half returns the number that 16 bits stand for as IEEE 754's binary16: a sign, 5 bits
// of exponent, and 10 of fraction.
func half(bits uint16) float64 {
	sign := 1.0
	if bits>>15 != 0 {
		sign = -1
	}
	exponent, fraction := int(bits>>10&31), float64(bits&1023)/1024
	switch {
	case exponent == 0:
		return sign * math.Ldexp(fraction, -14)
	case exponent < 31:
		return sign * math.Ldexp(1+fraction, exponent-15)
	case fraction == 0:
		return sign * math.Inf(1)
	}
	return math.NaN()
}
