package main

import (
	"fmt"
	"math"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vec is a register of 8 floats.
type vec = reg.VecVirtual

var constants = map[uint32]Mem{}

// bits returns the memory operand of 8 copies of a 32-bit pattern.
func bits(b uint32) Mem {
	m, ok := constants[b]
	if !ok {
		m = GLOBL(fmt.Sprintf("x8_%08x", b), RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(b))
		}
		constants[b] = m
	}
	return m
}

// float returns the memory operand of 8 copies of v.
func float(v float32) Mem { return bits(math.Float32bits(v)) }

// hoist loads a constant into a register.
func hoist(m Mem) vec {
	v := YMM()
	VMOVUPS(m, v)
	return v
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

// access reads and writes the vectors of one iteration of a loop over slices.
type access struct {
	base map[string]reg.Register
	i    reg.Register
	disp int
	mask *vec
}

func (x access) address(slice string) Mem {
	return Mem{Base: x.base[slice], Index: x.i, Scale: 4, Disp: x.disp}
}

// load returns the current 8 floats of a slice; those beyond its end are 0.
func (x access) load(slice string) vec {
	v := YMM()
	if x.mask != nil {
		VMASKMOVPS(x.address(slice), *x.mask, v)
	} else {
		VMOVUPS(x.address(slice), v)
	}
	return v
}

// store sets the current 8 floats of a slice, as far as it reaches.
func (x access) store(v vec, slice string) {
	if x.mask != nil {
		VMASKMOVPS(v, *x.mask, x.address(slice))
	} else {
		VMOVUPS(v, x.address(slice))
	}
}

// loop emits body for every 8 elements of the slices, the first of which
// gives the length. The last, partial vector runs through the same
// instructions with masked loads and stores, so that no value depends on its
// position and nothing outside the slices is touched.
func loop(unroll int, slices []string, body func(x access)) {
	x := access{base: map[string]reg.Register{}}
	for _, s := range slices {
		x.base[s] = Load(Param(s).Base(), GP64())
	}
	n := Load(Param(slices[0]).Len(), GP64())
	i, end := GP64(), GP64()
	x.i = i
	XORQ(i, i)
	steps := []int{1}
	if unroll > 1 {
		steps = []int{unroll, 1}
	}
	for _, s := range steps {
		loop, done := fmt.Sprintf("loop%d", s), fmt.Sprintf("done%d", s)
		// Jumping on the whole distance, not a masked length, keeps the
		// first test right when an earlier loop has advanced i.
		LEAQ(Mem{Base: n, Disp: -8 * s}, end)
		CMPQ(i, end)
		JGT(LabelRef(done))
		Label(loop)
		for u := range s {
			x.disp = 32 * u
			body(x)
		}
		ADDQ(Imm(uint64(8*s)), i)
		CMPQ(i, end)
		JLE(LabelRef(loop))
		Label(done)
	}
	x.disp = 0
	SUBQ(i, n)
	JZ(LabelRef("finish"))
	mask := YMM()
	VMOVUPS(columnMask(n), mask)
	x.mask = &mask
	body(x)
	Label("finish")
}

// elementwise declares a function of slices alone and its scalar parameters,
// which reach body as broadcast registers.
func elementwise(name, doc string, unroll int, slices, scalars string, body func(x access, s map[string]vec)) {
	names := fields(slices)
	signature := fmt.Sprintf("func(%s []float32", slices)
	if scalars != "" {
		signature += fmt.Sprintf(", %s float32", scalars)
	}
	TEXT(name, NOSPLIT, signature+")")
	Doc(doc)
	Pragma("noescape")
	s := map[string]vec{}
	for _, p := range fields(scalars) {
		s[p] = broadcast(p)
	}
	loop(unroll, names, func(x access) { body(x, s) })
	VZEROUPPER()
	RET()
}

// broadcast loads a scalar parameter into every lane of a register.
func broadcast(param string) vec {
	v := YMM()
	scalar := XMM()
	Load(Param(param), scalar)
	VBROADCASTSS(scalar, v)
	return v
}

func fields(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
