package f32
import ("runtime";"golang.org/x/sys/unix";"testing";"math/rand/v2";"time")
func cpuNow() time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}
func TestG(t *testing.T) {
	runtime.LockOSThread()
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range []struct {
		op      string
		m, n, k int
	}{
		{"NN", 512, 128, 128},
		{"NN", 1024, 64, 64},
		{"NN", 512, 128, 1},
		{"NN", 512, 128, 20},
		{"NN", 512, 128, 40},
		{"NN", 256, 64, 1},
		{"NN", 128, 64, 64},
		{"NN", 16, 128, 128},
		{"NN", 64, 128, 128},
		{"NN", 500, 100, 100},
		{"NN", 512, 512, 512},
		{"NN", 1024, 1024, 1024},
		{"NN", 4096, 512, 512},
		{"TN", 1, 64, 512},
		{"TN", 20, 128, 1024},
		{"TN", 64, 64, 512},
		{"TN", 128, 128, 1024},
		{"TN", 512, 512, 8192},
		{"NT", 1024, 64, 64},
		{"NT", 512, 128, 128},
		{"NT", 4096, 512, 512},
	} {
				tA, tB := s.op[0] == 'T', s.op[1] == 'T'
				rows, cols := flip(tA, s.m, s.k)
				lda := Stride(cols)
				x := random(r, rows*lda)
				rows, cols = flip(tB, s.k, s.n)
				ldb := Stride(cols)
				y := random(r, rows*ldb)
				ldc := Stride(s.n)
				z := Aligned(s.m * ldc)
				w := NewWorkspace()
		best := time.Hour
		total := time.Now()
		for i := 0; (i < 2000 && time.Since(total) < 250*time.Millisecond) || i < 5; i++ {
			t := time.Now()
			w.Gemm(tA, tB, s.m, s.n, s.k, x, lda, y, ldb, nil, false, z, ldc)
			best = min(best, time.Since(t))
		}
		t.Logf("%s %5d %5d %5d %7.1f GF/s %9.2f us", s.op, s.m,s.n,s.k, 2*float64(s.m)*float64(s.n)*float64(s.k)/float64(best.Nanoseconds()), float64(best.Nanoseconds())/1e3)
	}
	best := time.Hour
	for range 200 { t := time.Now(); fmaPeak(10000); best = min(best, time.Since(t)) }
	t.Logf("peak %.1f", 2*8*12*10000/float64(best.Nanoseconds()))
}
