//go:build !purego

package f32

import "golang.org/x/sys/cpu"

// The kernels that this processor runs: useAssembly is for those of AVX2, and
// for those of AVX-512 where useAVX512 is true as well.
var (
	useAssembly = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	useAVX512   = useAssembly && cpu.X86.HasBMI2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ
)

func implementation() string {
	switch {
	case useAVX512:
		return "avx512"
	case useAssembly:
		return "avx2"
	}
	return "generic"
}
