package main

import "fmt"

// The assembler of Go has most instructions on integers and bits, and of those
// on vectors of floats VFMLA and VFMLS alone. It writes the destination last,
// the manual first; the functions here follow the manual.

// word is an instruction that it lacks.
type word struct {
	// format is how the manual of the architecture writes it, for the numbers
	// of the registers: the destination, then one or two sources.
	format string
	// bits is its encoding with registers 0.
	bits uint32
}

var (
	fadd  = word{"fadd v%d.4s, v%d.4s, v%d.4s", 0x4e20d400}
	fsub  = word{"fsub v%d.4s, v%d.4s, v%d.4s", 0x4ea0d400}
	fmul  = word{"fmul v%d.4s, v%d.4s, v%d.4s", 0x6e20dc00}
	fdiv  = word{"fdiv v%d.4s, v%d.4s, v%d.4s", 0x6e20fc00}
	fmax  = word{"fmax v%d.4s, v%d.4s, v%d.4s", 0x4e20f400}
	fmin  = word{"fmin v%d.4s, v%d.4s, v%d.4s", 0x4ea0f400}
	faddp = word{"faddp v%d.4s, v%d.4s, v%d.4s", 0x6e20d400}
	fadd2 = word{"fadd v%d.2d, v%d.2d, v%d.2d", 0x4e60d400}
	bic   = word{"bic v%d.16b, v%d.16b, v%d.16b", 0x4e601c00}

	fneg  = word{"fneg v%d.4s, v%d.4s", 0x6ea0f800}
	fabs  = word{"fabs v%d.4s, v%d.4s", 0x4ea0f800}
	fsqrt = word{"fsqrt v%d.4s, v%d.4s", 0x6ea1f800}
	// fcmle0 sets the lanes that are at most 0 to ones, the others, NaN too, to
	// zeros.
	fcmle0 = word{"fcmle v%d.4s, v%d.4s, #0.0", 0x6ea0d800}
	fmaxv  = word{"fmaxv s%d, v%d.4s", 0x6e30f800}
	// fcvtl and fcvtl2 widen the lower and the upper two floats.
	fcvtl  = word{"fcvtl v%d.2d, v%d.2s", 0x0e617800}
	fcvtl2 = word{"fcvtl2 v%d.2d, v%d.4s", 0x4e617800}
	faddpd = word{"faddp d%d, v%d.2d", 0x7e70d800}

	mul = word{"mul v%d.4s, v%d.4s, v%d.4s", 0x4ea09c00}
	// ushl shifts each lane by the lowest byte of its other operand, to the right
	// where that is negative.
	ushl = word{"ushl v%d.4s, v%d.4s, v%d.4s", 0x6ea04400}
	// cmgt compares signed numbers.
	cmgt  = word{"cmgt v%d.4s, v%d.4s, v%d.4s", 0x4ea03400}
	uminv = word{"uminv s%d, v%d.4s", 0x6eb1a800}
)

// encode returns the instruction as a word and as text.
func (w word) encode(registers ...vreg) (uint32, string) {
	bits, numbers := w.bits, make([]any, len(registers))
	for i, r := range registers {
		bits |= uint32(r) << [3]int{0, 5, 16}[i]
		numbers[i] = int(r)
	}
	return bits, fmt.Sprintf(w.format, numbers...)
}

// fmlaLane is the encoding of d = d + n m[lane].
func fmlaLane(d, n, m vreg, lane int) (uint32, string) {
	return 0x4f801000 | uint32(lane&1)<<21 | uint32(lane>>1)<<11 | uint32(m)<<16 | uint32(n)<<5 | uint32(d),
		fmt.Sprintf("fmla v%d.4s, v%d.4s, v%d.s[%d]", d, n, m, lane)
}

// word writes an instruction as its encoding.
func (k *neon) word(bits uint32, text string) {
	fmt.Fprintf(&k.body, "\tWORD $%#08x // %s\n", bits, text)
}

// into sets d, new returns the result in a register of its own.
func (k *neon) into(w word, d vreg, sources ...vreg) {
	k.word(w.encode(append([]vreg{d}, sources...)...))
}

func (k *neon) new(w word, sources ...vreg) vreg {
	d := k.vector()
	k.into(w, d, sources...)
	return d
}

// fmla sets d = d + n m, fmls sets d = d - n m, rounded once.
func (k *neon) fmla(d, n, m vreg) { k.emit("VFMLA", m.s4(), n.s4(), d.s4()) }
func (k *neon) fmls(d, n, m vreg) { k.emit("VFMLS", m.s4(), n.s4(), d.s4()) }

// Integers and bits.

func (k *neon) addInt(d, n, m vreg) { k.emit("VADD", m.s4(), n.s4(), d.s4()) }
func (k *neon) subInt(d, n, m vreg) { k.emit("VSUB", m.s4(), n.s4(), d.s4()) }
func (k *neon) and(d, n, m vreg)    { k.emit("VAND", m.b16(), n.b16(), d.b16()) }
func (k *neon) xor(d, n, m vreg)    { k.emit("VEOR", m.b16(), n.b16(), d.b16()) }

func (k *neon) shiftLeft(d, n vreg, bits int) {
	k.emit("VSHL", fmt.Sprintf("$%d", bits), n.s4(), d.s4())
}

func (k *neon) move(d, n vreg) { k.emit("VORR", n.b16(), n.b16(), d.b16()) }
func (k *neon) clear(d vreg)   { k.emit("VEOR", d.b16(), d.b16(), d.b16()) }
func (k *neon) copy(n vreg) vreg {
	d := k.vector()
	k.move(d, n)
	return d
}

func (k *neon) zero() vreg {
	d := k.vector()
	k.clear(d)
	return d
}
