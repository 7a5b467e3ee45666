package throughput

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Kernels measures the kernels of the CPU backend. They are internal to it, so
// this runs the benchmarks in their own test binary.
type Kernels struct {
	dir, binary string
	// Implementation is the fastest that this processor runs, such as "avx2".
	Implementation string
}

// BuildKernels compiles the benchmarks, which takes the go command and a
// working directory inside the module, and asks which kernels run here. Close the
// result.
func BuildKernels(ctx context.Context) (*Kernels, error) {
	dir, err := os.MkdirTemp("", "gomine-kernels-")
	if err != nil {
		return nil, fmt.Errorf("throughput: %w", err)
	}
	k := &Kernels{dir: dir, binary: filepath.Join(dir, "f32.test")}
	out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", k.binary, "gomine/cpu/internal/f32").CombinedOutput()
	if err != nil {
		k.Close()
		return nil, fmt.Errorf("throughput: build the benchmarks of the kernels: %w: %s", err, bytes.TrimSpace(out))
	}
	out, err = exec.CommandContext(ctx, k.binary, "-test.run", "^$", "-test.bench", "^BenchmarkPeak$", "-test.benchtime", "1x").CombinedOutput()
	if found := regexp.MustCompile(`BenchmarkPeak/impl=(\w+)`).FindSubmatch(out); err == nil && found != nil {
		k.Implementation = string(found[1])
		return k, nil
	}
	k.Close()
	return nil, fmt.Errorf("throughput: this processor runs none of the assembly kernels: %s", bytes.TrimSpace(out))
}

// Close removes the binary.
func (k *Kernels) Close() error { return os.RemoveAll(k.dir) }

// Measure runs one benchmark, given by its full name such as
// "BenchmarkGemm/impl=avx2/op=NN/m=512/n=512/k=512", for about that long on one
// thread, and returns what it reports by unit. It is an error if there is no
// such benchmark or the processor cannot run it.
func (k *Kernels) Measure(ctx context.Context, name string, window time.Duration) (map[string]float64, error) {
	levels := strings.Split(name, "/")
	for i := range levels {
		levels[i] = "^" + levels[i] + "$"
	}
	cmd := exec.CommandContext(ctx, k.binary, "-test.run", "^$", "-test.cpu", "1",
		"-test.bench", strings.Join(levels, "/"), "-test.benchtime", window.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("throughput: %s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) >= 4 && fields[0] == name {
			return metrics(fields[2:])
		}
	}
	return nil, fmt.Errorf("throughput: %s did not run on this processor", name)
}

// metrics reads the pairs of value and unit that end a line of a benchmark.
func metrics(fields []string) (map[string]float64, error) {
	m := map[string]float64{}
	for i := 0; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return nil, fmt.Errorf("throughput: benchmark reports %q: %w", strings.Join(fields, " "), err)
		}
		m[fields[i+1]] = v
	}
	return m, nil
}

// Peak measures how many multiply-adds on registers one core does, as
// floating-point operations per second: the best of a few attempts, since only
// other programs can make it less.
func (k *Kernels) Peak(ctx context.Context) (float64, error) {
	var best float64
	for range 5 {
		m, err := k.Measure(ctx, "BenchmarkPeak/impl="+k.Implementation, 50*time.Millisecond)
		if err != nil {
			return 0, err
		}
		best = max(best, 1e9*m["GFLOP/s"])
	}
	return best, nil
}

// Product measures a matrix product in operations per second.
func (k *Kernels) Product(ctx context.Context, p Product, window time.Duration) (float64, error) {
	m, err := k.Measure(ctx, "BenchmarkGemm/impl="+k.Implementation+"/"+p.String(), window)
	return 1e9 * m["GFLOP/s"], err
}

// MemoryKernels lists the operations that Bandwidth knows. The first two do
// nothing but read, and read and write.
func MemoryKernels() []string {
	return []string{"dot", "add", "addrelu", "addsoftplus", "relugrad", "adam"}
}

// Bandwidth measures an element-wise operation on vectors that no cache holds,
// in bytes per second.
func (k *Kernels) Bandwidth(ctx context.Context, op string, window time.Duration) (float64, error) {
	m, err := k.Measure(ctx, "BenchmarkBandwidth/impl="+k.Implementation+"/op="+op+"/n=16777216", window)
	return 1e9 * m["GB/s"], err
}

// A Product is C = op(A) op(B) with C [m, n] and k terms in every sum. Op is
// NN for A B, TN for A^T B, NT for A B^T. Packed says that B comes in the
// layout that the kernel reads, as weights do, which are packed once a step.
type Product struct {
	Op     string `json:"op"`
	M      int    `json:"m"`
	N      int    `json:"n"`
	K      int    `json:"k"`
	Packed bool   `json:"packed"`
}

// Products lists those of a step of the standard shapes: of the whole batch,
// as a program without threads does them, then of blocks of 64 joint and as
// many marginal pairs, as the backend does them; and two large squares.
func Products() []Product {
	const block = 64
	var list []Product
	for _, s := range []struct{ batch, h, dx int }{
		{256, 64, 1},
		{512, 128, 20},
		{4096, 512, 128},
	} {
		list = append(list,
			Product{"NN", s.batch, s.h, s.dx, false},
			Product{"NN", s.batch, s.h, s.h, false},
			Product{"NT", s.batch, s.h, s.h, false},
			Product{"TN", s.h, s.h, s.batch, false},
			Product{"TN", s.dx, s.h, s.batch, false},
			Product{"NN", block, s.h, s.dx, true},
			Product{"NN", 2 * block, s.h, s.h, true},
			Product{"TN", s.h, s.h, 2 * block, false},
			Product{"TN", s.dx, s.h, block, false},
		)
	}
	return append(list, Product{"NN", 512, 512, 512, false}, Product{"NN", 1024, 1024, 1024, false})
}

// String returns the product as it stands in the name of its benchmark.
func (p Product) String() string {
	return fmt.Sprintf("op=%s/m=%d/n=%d/k=%d/packed=%t", p.Op, p.M, p.N, p.K, p.Packed)
}

// Operations returns the number of floating-point operations.
func (p Product) Operations() float64 { return 2 * float64(p.M) * float64(p.N) * float64(p.K) }

// Bytes returns the size of the three matrices.
func (p Product) Bytes() float64 { return 4 * float64(p.M*p.K+p.K*p.N+p.M*p.N) }
