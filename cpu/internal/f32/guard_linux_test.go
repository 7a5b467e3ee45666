package f32

import (
	"syscall"
	"testing"
	"unsafe"
)

// guarded returns n zeros that end at an inaccessible page, so that reading or
// writing one float more is a fault.
func guarded(tb testing.TB, n int) []float32 {
	tb.Helper()
	page := syscall.Getpagesize()
	size := (4*n + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := syscall.Munmap(m); err != nil {
			tb.Error(err)
		}
	})
	if err := syscall.Mprotect(m[size:], syscall.PROT_NONE); err != nil {
		tb.Fatal(err)
	}
	floats := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(m))), size/4)
	return floats[size/4-n : size/4 : size/4]
}
