// Command asm generates the kernels of package f32: those of AVX2, with -avx512
// those of AVX-512, or with -neon those of NEON; and with -dispatch the functions
// that choose among them.
//
// It lives in a module of its own so that gomine does not depend on avo. Run
// it by go generate in the parent directory; its output is committed.
package main

import (
	"flag"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	avx512 := flag.Bool("avx512", false, "generate the kernels of AVX-512")
	neonDir := flag.String("neon", "", "generate the kernels of NEON in this `folder`, and nothing else")
	dispatchDir := flag.String("dispatch", "", "generate the functions that choose a kernel in this `folder`, and nothing else")
	flag.Parse()
	switch {
	case *neonDir != "":
		neonKernels(*neonDir)
		return
	case *dispatchDir != "":
		writeDispatch(*dispatchDir)
		return
	}
	ConstraintExpr("!purego")
	if *avx512 {
		kernels512()
	} else {
		kernels()
	}
	Generate()
}

func kernels() {
	for _, width := range []int{16, 8} {
		for rows := 6; rows >= 1; rows-- {
			gemmTile(rows, width)
		}
	}
	packRows()
	transpose8()
	gatherRows()
	fmaPeak("fmaPeak", YMM)

	arithmetic()
	activations()
	exponentials()
	dot()
	rowDots()
	columnSums()
	foldPairs()
	maximum()
	adam()
	feistel("feistelAt", false)
	feistel("feistelInverse", true)
}

func kernels512() {
	for _, transposed := range []bool{false, true} {
		for rows := 12; rows >= 1; rows-- {
			for _, width := range []int{64, 32, 16} {
				if rows*width <= 12*32 {
					gemmTile512(rows, width, transposed)
				}
			}
		}
	}
	fmaPeak("fmaPeak512", ZMM)

	lanes, suffix = 16, "AVX512"
	arithmetic()
	activations()
	gatherRows()
	columnSums()
	foldPairs()
}
