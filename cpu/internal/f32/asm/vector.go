package main

import (
	"fmt"
	"math"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vec is a register of lanes floats.
type vec = reg.VecVirtual

// lanes is the number of floats in a register of the kernels being generated,
// suffix ends their names.
var (
	lanes  = 8
	suffix = "AVX2"
)

// vector returns a new register.
func vector() vec {
	if lanes == 16 {
		return ZMM()
	}
	return YMM()
}

// constant is a bit pattern that fills every lane of a vector.
type constant uint32

// float returns the constant v.
func float(v float32) constant { return constant(math.Float32bits(v)) }

var (
	// constantData holds the constants in memory, constantRegister those that
	// the current function keeps in registers.
	constantData     = map[constant]Mem{}
	constantRegister = map[constant]vec{}
)

// operand returns the constant as the source of an instruction.
func (c constant) operand() Op {
	if v, ok := constantRegister[c]; ok {
		return v
	}
	m, ok := constantData[c]
	if !ok {
		m = GLOBL(fmt.Sprintf("x%d_%08x", lanes, uint32(c)), RODATA|NOPTR)
		for i := range lanes {
			DATA(4*i, U32(c))
		}
		constantData[c] = m
	}
	return m
}

// copy returns a register of its own with the constant.
func (c constant) copy() vec {
	v := vector()
	VMOVUPS(c.operand(), v)
	return v
}

// register returns a register with the constant, not to be written.
func (c constant) register() vec {
	if v, ok := constantRegister[c]; ok {
		return v
	}
	return c.copy()
}

var columnMasks Mem

// columnMask returns the address of a mask of n <= 16 set lanes followed by
// at least 16-n clear ones.
func columnMask(n reg.Register) Mem {
	if columnMasks == (Mem{}) {
		columnMasks = GLOBL("column_masks", RODATA|NOPTR)
		for i := range 32 {
			v := uint32(0)
			if i < 16 {
				v = math.MaxUint32
			}
			DATA(4*i, U32(v))
		}
	}
	table, skip := GP64(), GP64()
	LEAQ(columnMasks.Offset(64), table)
	MOVQ(n, skip)
	NEGQ(skip)
	LEAQ(Mem{Base: table, Index: skip, Scale: 4}, table)
	return Mem{Base: table}
}

// function starts a function that keeps constants in registers.
func function(name, signature, doc string, constants ...constant) {
	TEXT(name, NOSPLIT, signature)
	Doc(wrap(doc)...)
	Pragma("noescape")
	clear(constantRegister)
	for _, c := range constants {
		constantRegister[c] = c.copy()
	}
}

// wrap breaks text into lines for a comment.
func wrap(text string) []string {
	const width = 77
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// laneMask returns a register that masks all lanes from n on: of 8 floats for
// VMASKMOVPS, of 16 a mask register.
func laneMask(n reg.Register) reg.Register {
	if lanes == 16 {
		bits, mask := GP32(), K()
		MOVL(I32(-1), bits)
		BZHIL(n.(reg.GPVirtual).As32(), bits, bits)
		KMOVW(bits, mask)
		return mask
	}
	mask := YMM()
	VMOVUPS(columnMask(n), mask)
	return mask
}

// loadMasked reads the lanes that mask says, the others are 0.
func loadMasked(m Mem, mask reg.Register, v vec) {
	if lanes == 16 {
		VMOVUPS_Z(m, mask, v)
	} else {
		VMASKMOVPS(m, mask, v)
	}
}

// storeMasked writes the lanes that mask says.
func storeMasked(v vec, mask reg.Register, m Mem) {
	if lanes == 16 {
		VMOVUPS(v, mask, m)
	} else {
		VMASKMOVPS(v, mask, m)
	}
}

// end returns from a function that used wide registers.
func end() {
	VZEROUPPER()
	RET()
}

// access reads and writes the vectors of one iteration of a loop over slices.
type access struct {
	base   map[string]reg.Register
	index  reg.Register
	unroll int
	masked bool
	mask   reg.Register
}

func (x access) address(slice string) Mem {
	return Mem{Base: x.base[slice], Index: x.index, Scale: 4, Disp: 4 * lanes * x.unroll}
}

// load returns the current floats of a slice; those beyond its end are 0.
func (x access) load(slice string) vec {
	v := vector()
	if x.masked {
		loadMasked(x.address(slice), x.mask, v)
	} else {
		VMOVUPS(x.address(slice), v)
	}
	return v
}

// store sets the current floats of a slice, as far as it reaches.
func (x access) store(v vec, slice string) {
	if x.masked {
		storeMasked(v, x.mask, x.address(slice))
	} else {
		VMOVUPS(v, x.address(slice))
	}
}

// loop emits body for every vector of the slices, the first of which gives
// the length. The last, partial vector runs through the same instructions with
// masked loads and stores, so that no value depends on its position and
// nothing outside the slices is touched.
func loop(unroll int, slices []string, body func(x access)) {
	x := access{base: map[string]reg.Register{}, index: GP64()}
	for _, s := range slices {
		x.base[s] = Load(Param(s).Base(), GP64())
	}
	rest := Load(Param(slices[0]).Len(), GP64())
	last := GP64()
	XORQ(x.index, x.index)
	steps := []int{unroll}
	if unroll > 1 {
		steps = append(steps, 1)
	}
	for _, s := range steps {
		loop, done := fmt.Sprintf("loop%d", s), fmt.Sprintf("done%d", s)
		LEAQ(Mem{Base: rest, Disp: -lanes * s}, last)
		CMPQ(x.index, last)
		JGT(LabelRef(done))
		Label(loop)
		for x.unroll = range s {
			body(x)
		}
		ADDQ(Imm(uint64(lanes*s)), x.index)
		CMPQ(x.index, last)
		JLE(LabelRef(loop))
		Label(done)
	}
	x.unroll = 0
	SUBQ(x.index, rest)
	JZ(LabelRef("finish"))
	x.masked, x.mask = true, laneMask(rest)
	body(x)
	Label("finish")
}

// elementwise is a function of slices, and of scalars, that treats all
// elements alike.
type elementwise struct {
	name, formula   string
	slices, scalars string // parameters, separated by ", "
	unroll          int
	constants       []constant // kept in registers
	flush           bool       // takes subnormal numbers as zero
	body            func(x access, scalar map[string]vec)
}

func (e elementwise) emit() {
	name := e.name + suffix
	signature := fmt.Sprintf("func(%s []float32)", e.slices)
	if e.scalars != "" {
		signature = fmt.Sprintf("func(%s []float32, %s float32)", e.slices, e.scalars)
	}
	function(name, signature, fmt.Sprintf("%s sets %s.", name, e.formula), e.constants...)
	scalar := map[string]vec{}
	for _, s := range list(e.scalars) {
		scalar[s] = broadcast(s)
	}
	if !e.flush {
		loop(e.unroll, list(e.slices), func(x access) { e.body(x, scalar) })
		end()
		return
	}
	const denormalsAreZero, flushToZero = 1 << 6, 1 << 15
	control := AllocLocal(8)
	saved, changed := control, control.Offset(4)
	STMXCSR(saved)
	flags := GP32()
	MOVL(saved, flags)
	ORL(U32(denormalsAreZero|flushToZero), flags)
	MOVL(flags, changed)
	LDMXCSR(changed)
	loop(e.unroll, list(e.slices), func(x access) { e.body(x, scalar) })
	LDMXCSR(saved)
	end()
}

func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// broadcast loads a scalar parameter into every lane of a register.
func broadcast(param string) vec {
	v := vector()
	VBROADCASTSS(Load(Param(param), XMM()), v)
	return v
}
