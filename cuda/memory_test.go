//go:build cuda

package cuda

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// allGraphs is a number of steps that takes graphs of all sizes, and two of the
// largest in turn.
const allGraphs = 77

// onEmulator skips a test that sets up what only the emulator can be told.
func onEmulator(t *testing.T) {
	t.Helper()
	b := openPath(pathAuto, FP32)(t)
	defer b.Close()
	if !strings.Contains(b.Device(), "emulator") {
		t.Skip("only the emulator can be made to fail, and this is " + b.Device())
	}
}

// everything calls all methods that allocate or compute, training for some steps
// on the rows and again on the same rows backwards, and returns what they
// computed.
func everything(ctx context.Context, b backend.Backend, c testCase, steps int) (all []any, err error) {
	data, err := b.Load(c.x, c.z)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	trainer, err := b.NewTrainer(c.spec, data, c.train)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, trainer.Close()) }()
	if err := trainer.SetState(c.state); err != nil {
		return nil, err
	}
	rates, values := make([]float64, steps), make([]float64, steps)
	for i := range rates {
		rates[i] = 1e-3
	}
	if _, err := trainer.Train(ctx, rates, values); err != nil {
		return nil, err
	}
	state, err := trainer.State()
	if err != nil {
		return nil, err
	}
	grad := make([]float32, c.spec.Network.NumParams())
	value, err := trainer.Gradient(ctx, grad)
	if err != nil {
		return nil, err
	}
	evaluation, err := trainer.Evaluate(ctx, data, backend.Rows{Lo: 3, Hi: 90}, backend.Pairing{Count: 3, Seed: 1}, nil)
	if err != nil {
		return nil, err
	}
	xs, zs, scores := []int{5, 0, 7}, []int{1, 99, 7}, make([]float32, 3)
	if err := trainer.Scores(ctx, data, xs, zs, scores); err != nil {
		return nil, err
	}
	gx, gz := backend.NewMatrix(3, c.x.Cols), backend.NewMatrix(3, c.z.Cols)
	if err := trainer.InputGradients(ctx, data, xs, zs, scores, gx, gz); err != nil {
		return nil, err
	}
	dx, dz := backend.NewMatrix(c.spec.Batch, c.x.Cols), backend.NewMatrix(c.spec.Batch, c.z.Cols)
	objective, err := trainer.ObjectiveGradients(ctx, dx, dz)
	if err != nil {
		return nil, err
	}
	if err := data.Replace(backwards(c.x), backwards(c.z)); err != nil {
		return nil, err
	}
	again := make([]float64, min(steps, 9))
	if _, err := trainer.Train(ctx, rates[:len(again)], again); err != nil {
		return nil, err
	}
	return []any{values, state, value, grad, evaluation, scores, gx.Data, gz.Data, objective, dx.Data, dz.Data, again}, nil
}

func backwards(m backend.Matrix) backend.Matrix {
	r := backend.NewMatrix(m.Rows, m.Cols)
	for i := range m.Rows {
		copy(r.Row(i), m.Row(m.Rows-1-i))
	}
	return r
}

// everythingOfModel does the same with a model, which it trains for two steps of
// two passes each.
func everythingOfModel(ctx context.Context, b backend.Backend, c modelCase) (all []any, err error) {
	m, err := b.NewModel(c.spec)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if err := m.SetState(c.state); err != nil {
		return nil, err
	}
	for range 2 {
		got, err := c.step(ctx, m)
		if err != nil {
			return nil, err
		}
		all = append(all, got...)
	}
	state, err := m.State()
	return append(all, state), err
}

// TestWays: data on the device or streamed from the host, steps one by one or in
// graphs, on either path, give bitwise the same.
func TestWays(t *testing.T) {
	c := newCase(300, 5, 3, 33, objective.MINE, backend.Softplus, 17, 9)
	for _, p := range []path{pathFused, pathTiled} {
		var want []any
		for _, opt := range []Options{
			{Precision: FP32},
			{Precision: FP32, MemoryLimit: 1}, // nothing fits
			{Precision: FP32, Synchronous: true},
			{Precision: FP32, Synchronous: true, MemoryLimit: 1},
		} {
			d, err := open(opt)
			if err != nil {
				t.Fatal(err)
			}
			d.path, d.patience = p, time.Hour
			got, err := everything(t.Context(), d, c, allGraphs)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("path %d, %+v: not the same as with data and graphs on the device", p, opt)
			}
		}
	}
}

// TestOrders: the order of threads and blocks does not matter.
func TestOrders(t *testing.T) {
	onEmulator(t)
	model := newModelCase(70, 5, 3, backend.ELU, 17, 9)
	for _, precision := range Precisions() {
		t.Run(string(precision), func(t *testing.T) {
			for _, p := range []path{pathFused, pathTiled} {
				width := 9
				if p == pathTiled {
					width = tileSize + 2 // scores of two parts
				}
				c := newCase(300, 5, 3, 65, objective.DV, backend.Softplus, 17, width)
				var want []any
				for seed := range 4 {
					t.Setenv("GOMINE_EMULATOR_SEED", fmt.Sprint(seed))
					b := openPath(p, precision)(t)
					got, err := everything(t.Context(), b, c, 3)
					if err != nil {
						t.Fatal(err)
					}
					ofModel, err := everythingOfModel(t.Context(), b, model)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, ofModel...)
					if err := b.Close(); err != nil {
						t.Error(err)
					}
					if want == nil {
						want = got
					}
					if !reflect.DeepEqual(got, want) {
						t.Errorf("path %d: order %d gives other bits than the natural one", p, seed)
					}
				}
			}
		})
	}
}

// TestOutOfMemory lets every single allocation fail in turn. There is one error
// each time, and nothing stays allocated.
func TestOutOfMemory(t *testing.T) {
	onEmulator(t)
	c := newCase(300, 5, 3, 33, objective.MINE, backend.Softplus, 17, 9)
	for _, p := range []path{pathFused, pathTiled} {
		for _, limit := range []int64{0, 1} {
			failed := failEach(t, Options{Precision: FP32, MemoryLimit: limit}, p, func(d *device) error {
				_, err := everything(t.Context(), d, c, 9)
				return err
			})
			if failed < 10 {
				t.Errorf("path %d, limit %d: only %d allocations seen", p, limit, failed)
			}
		}
	}
	model := newModelCase(70, 5, 3, backend.ELU, 17, 9)
	failed := failEach(t, Options{Precision: FP32}, pathAuto, func(d *device) error {
		_, err := everythingOfModel(t.Context(), d, model)
		return err
	})
	if failed < 10 {
		t.Errorf("model: only %d allocations seen", failed)
	}
}

// failEach runs f with one more allocation failing each time, until there is
// none left to fail, and returns their number.
func failEach(t *testing.T, opt Options, p path, f func(*device) error) (failed int) {
	t.Helper()
	for _, function := range []string{"cuMemAlloc_v2", "cuMemHostAlloc", "cuStreamCreate", "cuEventCreate"} {
		for number := 1; ; number++ {
			d, err := open(opt)
			if err != nil {
				t.Fatal(err)
			}
			d.path = p
			t.Setenv("GOMINE_EMULATOR_FAIL", fmt.Sprintf("%s:%d", function, number))
			err = f(d)
			t.Setenv("GOMINE_EMULATOR_FAIL", "")
			before := free(t, d)
			if closeErr := d.Close(); closeErr != nil {
				t.Error(closeErr)
			}
			if err == nil {
				break // there are no more calls of it
			}
			failed++
			if !errors.Is(err, backend.ErrOutOfMemory) {
				t.Errorf("%s call %d failed: error %v, want one that wraps ErrOutOfMemory", function, number, err)
			}
			if want := int64(8 << 30); before != want {
				t.Errorf("%s call %d failed: %d bytes are still allocated", function, number, want-before)
			}
		}
	}
	return failed
}

// TestObjectiveGradientsTryAgain: what could not be allocated in the first call is
// in the second.
func TestObjectiveGradientsTryAgain(t *testing.T) {
	onEmulator(t)
	c := newCase(300, 5, 3, 33, objective.DV, backend.Softplus, 17, 9)
	for _, p := range []path{pathFused, pathTiled} {
		d := openPath(p, FP32)(t).(*device)
		trainer, _ := c.trainer(t, d)
		gx, gz := backend.NewMatrix(33, 5), backend.NewMatrix(33, 3)
		before := free(t, d)
		t.Setenv("GOMINE_EMULATOR_FAIL", "cuMemAlloc_v2:2")
		_, err := trainer.ObjectiveGradients(t.Context(), gx, gz)
		t.Setenv("GOMINE_EMULATOR_FAIL", "")
		if !errors.Is(err, backend.ErrOutOfMemory) {
			t.Errorf("path %d: error %v, want one that wraps ErrOutOfMemory", p, err)
		}
		if after := free(t, d); after != before {
			t.Errorf("path %d: %d bytes are still allocated", p, before-after)
		}
		for range 2 {
			if _, err := trainer.ObjectiveGradients(t.Context(), gx, gz); err != nil {
				t.Errorf("path %d: %v", p, err)
			}
		}
	}
}

func free(t *testing.T, d *device) (n int64) {
	t.Helper()
	err := d.gpu.Do(func() (err error) {
		n, err = d.gpu.Free()
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

// TestMemoryFull: an allocation beyond what is there says how much is needed and
// how much there is.
func TestMemoryFull(t *testing.T) {
	onEmulator(t)
	t.Setenv("GOMINE_EMULATOR_MEMORY", "200000")
	d, err := open(Options{Precision: FP32})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := newCase(3000, 10, 10, 2000, objective.DV, backend.ReLU, 200)
	_, err = everything(t.Context(), d, c, allGraphs)
	if !errors.Is(err, backend.ErrOutOfMemory) || !strings.Contains(err.Error(), "needs ") || !strings.Contains(err.Error(), " are free") ||
		!strings.Contains(err.Error(), "smaller batches") {
		t.Errorf("error %v, want one of memory with the bytes needed and free, and what to do", err)
	}
	if n := free(t, d); n != 200000 {
		t.Errorf("%d bytes are still allocated", 200000-n)
	}
}

// TestDeviceLost: a device that fails midway gives an error, and closing works.
func TestDeviceLost(t *testing.T) {
	onEmulator(t)
	c := newCase(300, 5, 3, 33, objective.MINE, backend.Softplus, 17, 9)
	for _, fault := range []string{"cuLaunchKernel:3:719", "cuGraphLaunch:2:719", "cuMemcpyDtoHAsync_v2:2:719", "cuMemcpyHtoDAsync_v2:5:719",
		"cuGraphLaunch:1:716", "cuGraphLaunch:2:715", "cuGraphLaunch:1:714", "cuGraphLaunch:1:718", "cuGraphLaunch:1:702", "cuGraphLaunch:1:710",
		"cuGraphLaunch:1:214", "cuGraphInstantiateWithFlags:1:999", "cuStreamBeginCapture_v2:1:709", "cuGraphLaunch:1:220"} {
		d, err := open(Options{Precision: FP32})
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("GOMINE_EMULATOR_FAIL", fault)
		_, err = everything(t.Context(), d, c, allGraphs)
		t.Setenv("GOMINE_EMULATOR_FAIL", "")
		if err == nil || !strings.Contains(err.Error(), "device lost") {
			t.Errorf("%s: error %v, want one that says the device is lost", fault, err)
		}
		if err := d.Close(); err != nil {
			t.Errorf("%s: Close: %v", fault, err)
		}
	}
}

// TestArchitectures: what older devices lack is said, what they have works.
func TestArchitectures(t *testing.T) {
	onEmulator(t)
	c := newCase(300, 5, 3, 33, objective.DV, backend.Softplus, 17, 9)
	for _, arch := range []string{"70", "75", "80", "86", "120"} {
		t.Setenv("GOMINE_EMULATOR_ARCH", arch)
		d, err := open(Options{})
		if err != nil {
			t.Fatal(err)
		}
		if want := TF32x3; (d.precision == want) != (d.gpu.Arch >= tensorArch) {
			t.Errorf("sm_%s: precision %s", arch, d.precision)
		}
		if _, err := everything(t.Context(), d, c, allGraphs); err != nil {
			t.Errorf("sm_%s: %v", arch, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		_, err = open(Options{Precision: TF32})
		if old := d.gpu.Arch < tensorArch; old != errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("sm_%s, TF32: error %v", arch, err)
		}
	}
	for _, opt := range []Options{{Device: 1}, {Device: -1}} {
		if _, err := Open(opt); !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("%+v: error %v, want ErrUnavailable", opt, err)
		}
	}
	if _, err := Open(Options{Precision: "fp64"}); err == nil || !strings.Contains(err.Error(), "3xtf32") {
		t.Errorf("unknown precision: error %v, want one that lists the known ones", err)
	}
}

// TestStateOutlivesData: the race of package mine takes the winner's state after
// its data were closed.
func TestStateOutlivesData(t *testing.T) {
	c := newCase(300, 5, 3, 33, objective.DV, backend.Softplus, 17, 9)
	trainer, data := c.trainer(t, openPath(pathAuto, Auto)(t))
	if err := data.Close(); err != nil {
		t.Fatal(err)
	}
	state, err := trainer.State()
	if err != nil || !reflect.DeepEqual(state, c.state) {
		t.Errorf("State: %v, the same %v", err, err == nil)
	}
	if err := trainer.SetState(state); err != nil {
		t.Errorf("SetState: %v", err)
	}
}
