//go:build !purego

package f32

import "testing"

// implementations returns the names of those that run here.
func implementations() []string {
	if useAVX2 {
		return []string{"avx2", "generic"}
	}
	return []string{"generic"}
}

// use selects an implementation until the end of the test.
func use(tb testing.TB, implementation string) {
	old := useAVX2
	tb.Cleanup(func() { useAVX2 = old })
	useAVX2 = implementation == "avx2"
}
