//go:build !purego

package f32

// useAssembly, for the kernels of NEON, is true but in tests: Go itself requires
// NEON.
var useAssembly = true

func implementation() string {
	if useAssembly {
		return "neon"
	}
	return "generic"
}
