// Command asm generates the AVX2 kernels of package f32.
//
// It lives in a module of its own so that gomine does not depend on avo. Run
// it by go generate in the parent directory; its output is committed.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("!purego")

	for _, width := range []int{16, 8} {
		for rows := 6; rows >= 1; rows-- {
			gemmTile(rows, width)
		}
	}
	packRows()
	transpose8()
	gatherRows()
	fmaPeak()

	arithmetic()
	activations()
	exponentials()
	dot()
	rowDots()
	columnSums()
	maximum()
	adam()
	feistel("feistelAt", false)
	feistel("feistelInverse", true)

	Generate()
}
