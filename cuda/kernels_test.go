//go:build cuda

package cuda

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"gomine/bench/throughput"
	"gomine/mine/backend"
	"gomine/mine/backend/backendtest"
	"gomine/mine/objective"
)

// accuracies are how far gradients may be from their definition, as the README says; BF16 has the
// kernels of TF32.
var accuracies = map[Precision]float64{FP32: 1e-5, TF32x3: 1e-5, TF32: 2e-3, BF16: 2e-3}

// entryOf returns which of fusedKernels computes the steps of a trainer, -1 for none.
func entryOf(t backend.Trainer) int {
	f, ok := t.(*trainer).stepper.(*fused)
	if !ok {
		return -1
	}
	for number, k := range fusedKernels {
		if k.rows == f.rows && k.width == f.width {
			return number
		}
	}
	return -1
}

// TestFusedChoice: small networks take the kernel that is best for their width and
// batch, and wide ones none.
func TestFusedChoice(t *testing.T) {
	for _, c := range []struct {
		batch, want int
		hidden      []int
	}{{64, 0, []int{64, 64}}, {4096, 0, []int{64}}, {512, 2, []int{128, 128}}, {wideBatch - 1, 2, []int{65}}, {wideBatch, 1, []int{128, 128}}, {512, -1, []int{129}}} {
		d, err := open(Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.gpu.Shared < 160<<10 {
			t.Skipf("%s has little shared memory", d.Device())
		}
		given, _ := newCase(c.batch+20, 2, 2, c.batch, objective.DV, backend.ReLU, c.hidden...).trainer(t, d)
		if got := entryOf(given); got != c.want {
			t.Errorf("layers %v, batch %d: kernel %d, want %d", c.hidden, c.batch, got, c.want)
		}
	}
}

// TestEveryFusedKernel holds each fused kernel in each precision to its accuracy, also on as
// many and as wide layers as it takes.
func TestEveryFusedKernel(t *testing.T) {
	for number, k := range fusedKernels {
		for _, precision := range slices.Sorted(maps.Keys(k.of)) {
			t.Run(fmt.Sprintf("r%d_w%d/%s", k.rows, k.width, precision), func(t *testing.T) {
				w, batch := k.width, k.rows+1
				layers := [][]int{{w - 1}, {w, w/2 + 1}, {w, w - 3, 9, w}}
				openEntry := func(t testing.TB) backend.Backend {
					d := openPath(pathFused, precision)(t).(*device)
					d.entry = &number
					return d
				}
				for _, hidden := range layers {
					d := openEntry(t)
					if shared := 4*fusedFloats(k.rows, w, len(hidden)) + fusedStatic; shared > d.(*device).gpu.Shared {
						d.Close()
						t.Skipf("%s has too little shared memory", d.Device())
					}
					given, _ := newCase(100, 5, 3, batch, objective.DV, backend.ReLU, hidden...).trainer(t, d)
					if got := entryOf(given); got != number {
						t.Fatalf("layers %v: kernel %d, want %d", hidden, got, number)
					}
				}
				backendtest.RunAccuracyOn(t, openEntry, accuracies[precision], batch, layers...)
			})
		}
	}
}

// benchmarkCases are those of BenchmarkTrainStep; on the emulator small ones in their
// place, which still need several tiles and split products.
func benchmarkCases(b backend.Backend) []throughput.Case {
	if strings.Contains(b.Device(), "emulator") {
		return []throughput.Case{{D: 2, H: 64, L: 2, Batch: 96}, {D: 40, H: 128, L: 2, Batch: 64}, {D: 260, H: 132, L: 2, Batch: 260}, {D: 9, H: 130, L: 3, Batch: 300}}
	}
	return measuredCases
}

// TestAgreesAtSize compares a gradient with the CPU's at the sizes that are measured. It is
// the norm of the difference beside that of the gradient, of which the parts from joint
// and from marginal pairs leave a fraction: allowed is ten times what the README says beside these
// parts for FP32 and 3xTF32, 5e-3 for TF32, and eight times that for BF16, with three bits less;
// a tile that is wrong or missing makes it some 1e-1. Not with ReLU as in the benchmark: among so many rows some lie so near a kink
// that rounding decides.
func TestAgreesAtSize(t *testing.T) {
	probe, err := open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	cases := benchmarkCases(probe)
	if err := probe.Close(); err != nil {
		t.Error(err)
	}
	for _, size := range cases {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			c := newCase(size.Batch+12, size.D/2, size.D-size.D/2, size.Batch, objective.DV, backend.Softplus, slices.Repeat([]int{size.H}, size.L)...)
			gradient := func(b backend.Backend) []float32 {
				defer b.Close()
				data, err := b.Load(c.x, c.z)
				if err != nil {
					t.Fatal(err)
				}
				defer data.Close()
				given, err := b.NewTrainer(c.spec, data, c.train)
				if err != nil {
					t.Fatal(err)
				}
				defer given.Close()
				grad := make([]float32, c.spec.Network.NumParams())
				if err := given.SetState(c.state); err != nil {
					t.Fatal(err)
				}
				if _, err := given.Gradient(t.Context(), grad); err != nil {
					t.Fatal(err)
				}
				return grad
			}
			want := gradient(openCPU(t))
			for precision, allowed := range map[Precision]float64{FP32: 1e-4, TF32x3: 1e-4, TF32: 5e-3, BF16: 4e-2} {
				d := apart(gradient(openPath(pathAuto, precision)(t)), want)
				t.Logf("%s: apart by %.1e", precision, d)
				if !(d <= allowed) {
					t.Errorf("%s: gradients are apart by %.1e, allowed %.0e", precision, d, allowed)
				}
			}
		})
	}
}

// TestOnce runs every kernel at least once on one open device, on little data: something
// for tools that make kernels slow. What they compute is for other tests.
func TestOnce(t *testing.T) {
	d := openAll(t)
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	ran := 0
	once := func(what string, hidden ...int) {
		c := newCase(110, 5, 3, 33, objective.DV, backend.Softplus, hidden...)
		c.spec.ClipNorm = 1
		if _, err := everything(t.Context(), d, c, 1); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		ran++
	}
	for _, precision := range Precisions() {
		if d.gpu.Arch < tensorArch && precision != FP32 {
			continue
		}
		d.precision = precision
		d.path = pathFused
		for number, k := range fusedKernels {
			if k.of[precision] != nil && 4*fusedFloats(k.rows, k.width, 2)+fusedStatic <= d.gpu.Shared {
				d.entry = &number
				once(fmt.Sprintf("r%d_w%d, %s", k.rows, k.width, precision), 17, 9)
			}
		}
		d.path = pathTiled
		once("tiled, "+string(precision), 17, tileSize+1)
		if _, err := everythingOfModel(t.Context(), d, newModelCase(40, 5, 3, backend.ELU, 17, 9)); err != nil {
			t.Errorf("model, %s: %v", precision, err)
		}
	}
	t.Logf("%d ways", ran)
}

// frame is the local memory, in bytes, that a kernel may have without a spill: where
// it calls functions, ptxas makes a frame of at most 48 bytes for what they keep.
const frame = 64

// TestKernelResources: the driver's compiler spills no register either, and leaves
// every kernel launchable with as many threads as it is launched with.
func TestKernelResources(t *testing.T) {
	d := openAll(t)
	defer d.Close()
	all, err := d.gpu.Resources()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		r := all[name]
		t.Logf("%s: %d registers, %d bytes of local and %d of static shared memory, %d threads", name, r.Registers, r.Local, r.Shared, r.Threads)
		if r.Local > frame {
			t.Errorf("%s: %d bytes of local memory, more than the frame of a call", name, r.Local)
		}
		if r.Registers < 1 || r.Threads < 1 {
			t.Errorf("%s: %d registers, %d threads", name, r.Registers, r.Threads)
		}
	}
}
