package f32

import (
	"os"
	"regexp"
	"slices"
	"testing"
	"unsafe"
)

func TestStride(t *testing.T) {
	for n := range 5000 {
		s := Stride(n)
		switch {
		case s < n:
			t.Errorf("Stride(%d) = %d, too small", n, s)
		case s > n+32:
			t.Errorf("Stride(%d) = %d, wasteful", n, s)
		case s%8 != 0 || n > 8 && s%16 != 0:
			t.Errorf("Stride(%d) = %d, not whole vectors", n, s)
		case n >= 128 && s%32 != 16:
			t.Errorf("Stride(%d) = %d, not an odd multiple of 16", n, s)
		}
	}
}

func TestAligned(t *testing.T) {
	for n := range 200 {
		x := Aligned(n)
		if len(x) != n || cap(x) < n+16 {
			t.Fatalf("Aligned(%d) has length %d and capacity %d", n, len(x), cap(x))
		}
		if p := uintptr(unsafe.Pointer(unsafe.SliceData(x))); p%64 != 0 {
			t.Fatalf("Aligned(%d) starts at %#x", n, p)
		}
		for _, v := range x[:n+16] {
			if v != 0 {
				t.Fatalf("Aligned(%d) holds %g", n, v)
			}
		}
	}
}

func TestImplementation(t *testing.T) {
	if got := Implementation(); !slices.Contains(implementations(), got) {
		t.Fatalf("Implementation() = %q", got)
	}
	for _, want := range implementations() {
		t.Run("impl="+want, func(t *testing.T) {
			use(t, want)
			if got := Implementation(); got != want {
				t.Errorf("Implementation() = %q, want %q", got, want)
			}
		})
	}
}

// TestKernelRegisters guards against a generator that runs out of the sixteen
// registers of AVX2 and takes those of AVX-512, which most processors with
// AVX2 lack.
func TestKernelRegisters(t *testing.T) {
	source, err := os.ReadFile("kernels_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`.*\b([XY](1[6-9]|2\d|3[01])|Z\d+|K[0-7])\b.*`).Find(source); found != nil {
		t.Errorf("AVX-512 instruction: %s", found)
	}
}

func TestAllocations(t *testing.T) {
	for _, impl := range implementations() {
		t.Run("impl="+impl, func(t *testing.T) {
			use(t, impl)
			const n = 53
			x, y, z := Aligned(n*n), Aligned(n*n), Aligned(n*n)
			w := NewWorkspace()
			step := AdamStep{Eps: 1}
			if allocs := testing.AllocsPerRun(10, func() {
				for _, tr := range []bool{false, true} {
					w.Gemm(tr, false, n, n, n, x, n, y, n, x[:n], true, z, n)
					w.Gemm(false, tr, n, n, n, x, n, y, n, nil, false, z, n)
				}
				AddSoftplus(z, x, y)
				Adam(x, y, z, y, &step)
				SumExp(z, x, Max(y)+Dot(x, y))
			}); allocs != 0 {
				t.Errorf("%g allocations", allocs)
			}
		})
	}
}
