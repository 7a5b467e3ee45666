//go:build !purego

package f32

import "testing"

// implementations returns the names of those that run here, the fastest first.
func implementations() []string { return []string{"neon", "generic"} }

// use selects an implementation until the end of the test.
func use(tb testing.TB, implementation string) {
	tb.Cleanup(func() { useAssembly = true })
	useAssembly = implementation == "neon"
}

// peak returns a function that runs rounds of nothing but multiply-adds, and
// their floating-point operations in a round.
func peak(implementation string) (run func(rounds int), flop int) {
	if implementation == "neon" {
		return fmaPeak, 2 * 4 * 24
	}
	return nil, 0
}
