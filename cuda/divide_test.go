//go:build cuda

package cuda

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gomine/mine/backend"
	"gomine/mine/objective"
)

// divided opens a device and divides it, into as many parts as are asked for on any host.
func divided(t *testing.T, opt Options, parts int) (*device, []*device) {
	t.Helper()
	d, err := open(opt)
	if err != nil {
		t.Fatal(err)
	}
	d.share = parts
	return d, divide(t, d, parts)
}

func divide(t *testing.T, d *device, most int) (parts []*device) {
	t.Helper()
	all, err := d.Divide(most)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		parts = append(parts, p.(*device))
	}
	return parts
}

// TestParts: what parts compute at the same time is bitwise what the whole computes alone, of data on the
// device and streamed from the host, on either path, in all methods, more than once.
func TestParts(t *testing.T) {
	const parts = 4
	kinds := []objective.Kind{objective.MINE, objective.DV, objective.JS, objective.DV}
	var cases [parts]testCase
	for i := range cases {
		cases[i] = newCase(300+i/2, 5, 3, 33+i/3, kinds[i], backend.Softplus, 17, 9)
	}
	model := newModelCase(70, 5, 3, backend.ELU, 17, 9)
	work := func(d *device, i int) ([]any, error) {
		got, err := everything(t.Context(), d, cases[i], allGraphs)
		if err != nil {
			return nil, err
		}
		ofModel, err := everythingOfModel(t.Context(), d, model)
		return append(got, ofModel...), err
	}
	for _, p := range []path{pathFused, pathTiled} {
		for _, limit := range []int64{0, 1} {
			whole, err := open(Options{Precision: FP32, MemoryLimit: limit})
			if err != nil {
				t.Fatal(err)
			}
			whole.path, whole.patience, whole.share = p, time.Hour, parts
			var want, got [parts][]any
			for i := range want {
				if want[i], err = work(whole, i); err != nil {
					t.Fatal(err)
				}
			}
			all := divide(t, whole, parts)
			for round := range 2 {
				var wg sync.WaitGroup
				errs := make([]error, parts)
				for i, part := range all {
					wg.Go(func() { got[i], errs[i] = work(part, i) })
				}
				wg.Wait()
				if err := errors.Join(errs...); err != nil {
					t.Fatal(err)
				}
				for i := range want {
					if !reflect.DeepEqual(got[i], want[i]) {
						t.Errorf("path %d, limit %d, round %d: part %d gives other bits beside others than the whole alone", p, limit, round, i)
					}
				}
			}
			if err := whole.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestDivide: parts are no more than the work, than the share of the whole and than there is memory for, and have
// that share together.
func TestDivide(t *testing.T) {
	onEmulator(t)
	for _, c := range []struct {
		share, most int
		memory      string
		want        []int
	}{
		{7, 3, "34359738368", []int{2, 2, 3}}, {2, 5, "34359738368", []int{1, 1}}, {1, 5, "34359738368", []int{1}},
		{7, 0, "34359738368", []int{7}}, {7, 5, "4400000000", []int{3, 4}}, {7, 5, "1000000", []int{7}},
	} {
		t.Setenv("GOMINE_EMULATOR_MEMORY", c.memory)
		d, err := open(Options{Precision: FP32})
		if err != nil {
			t.Fatal(err)
		}
		d.share = c.share
		var shares []int
		for _, p := range divide(t, d, c.most) {
			shares = append(shares, p.share)
			if p.Name() != d.Name() || p.Device() != d.Device() {
				t.Errorf("a part is %s on %s, the whole %s on %s", p.Name(), p.Device(), d.Name(), d.Device())
			}
			if got := len(divide(t, p, 100)); c.memory == "34359738368" && got != p.share {
				t.Errorf("a part with a share of %d has %d parts", p.share, got)
			}
		}
		if !reflect.DeepEqual(shares, c.want) {
			t.Errorf("share %d, work %d, memory %s: shares %v, want %v", c.share, c.most, c.memory, shares, c.want)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if _, err := d.Divide(2); !errors.Is(err, backend.ErrClosed) {
			t.Errorf("a closed device is divided: %v", err)
		}
	}
	if most := mostParts(); most < 1 || most > partsOfDevice || most > runtime.GOMAXPROCS(0) {
		t.Errorf("%d parts on %d processors", most, runtime.GOMAXPROCS(0))
	}
}

// TestPartsClose: a closed part leaves the whole and the others as they were, and what is its own can be
// closed later; when the whole is closed, so are its parts, and nothing stays behind.
func TestPartsClose(t *testing.T) {
	onEmulator(t) // a device gives memory in pieces of megabytes
	c := newCase(300, 5, 3, 33, objective.DV, backend.Softplus, 17, 9)
	before := runtime.NumGoroutine()
	whole, parts := divided(t, Options{Precision: FP32}, 3)
	unused := free(t, whole)
	data, err := parts[0].Load(c.x, c.z)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := parts[0].NewTrainer(c.spec, data, c.train)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parts[1].NewTrainer(c.spec, data, c.train); !errors.Is(err, backend.ErrShape) {
		t.Errorf("data of another part: %v", err)
	}
	for range 2 {
		if err := parts[0].Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := trainer.State(); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("a trainer of a closed part: %v", err)
	}
	if _, err := parts[0].Load(c.x, c.z); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("a closed part: %v", err)
	}
	if free(t, whole) == unused {
		t.Error("what a trainer has is not counted")
	}
	if err := errors.Join(trainer.Close(), data.Close()); err != nil {
		t.Error(err)
	}
	if got := free(t, whole); got != unused {
		t.Errorf("%d bytes of a closed part stay allocated", unused-got)
	}
	for _, b := range []*device{whole, parts[1]} {
		if _, err := everything(t.Context(), b, c, 3); err != nil {
			t.Error(err)
		}
	}
	data, err = parts[1].Load(c.x, c.z)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := whole.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := parts[1].NewTrainer(c.spec, data, c.train); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("a part of a closed device: %v", err)
	}
	if _, err := parts[2].Divide(2); !errors.Is(err, backend.ErrClosed) {
		t.Errorf("a part of a closed device is divided: %v", err)
	}
	if err := errors.Join(data.Close(), parts[1].Close(), parts[2].Close()); err != nil {
		t.Error(err)
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// TestPartLost: a device that is lost in one part is lost for all, and all can be closed.
func TestPartLost(t *testing.T) {
	onEmulator(t)
	c := newCase(300, 5, 3, 33, objective.DV, backend.Softplus, 17, 9)
	whole, parts := divided(t, Options{Precision: FP32}, 2)
	data, err := parts[1].Load(c.x, c.z)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOMINE_EMULATOR_FAIL", "cuGraphLaunch:2:719")
	_, err = everything(t.Context(), parts[0], c, allGraphs)
	t.Setenv("GOMINE_EMULATOR_FAIL", "")
	if err == nil || !strings.Contains(err.Error(), "device lost") {
		t.Errorf("error %v, want one that says the device is lost", err)
	}
	if _, err := everything(t.Context(), parts[1], c, 3); err == nil || !strings.Contains(err.Error(), "device lost") {
		t.Errorf("the other part: error %v, want one that says the device is lost", err)
	}
	if err := errors.Join(data.Close(), parts[0].Close(), parts[1].Close(), whole.Close()); err != nil {
		t.Error(err)
	}
}

// TestPartsFail: a part that does not come into being leaves no others.
func TestPartsFail(t *testing.T) {
	onEmulator(t)
	d, err := open(Options{Precision: FP32})
	if err != nil {
		t.Fatal(err)
	}
	d.share = 3
	t.Setenv("GOMINE_EMULATOR_FAIL", "cuStreamCreate:2")
	if parts, err := d.Divide(3); !errors.Is(err, backend.ErrOutOfMemory) {
		t.Errorf("%d parts, error %v, want that of the second stream", len(parts), err)
	}
	t.Setenv("GOMINE_EMULATOR_FAIL", "")
	if parts := divide(t, d, 3); len(parts) != 3 {
		t.Errorf("%d parts the next time, want 3", len(parts))
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// TestPartsResident: data of all parts together take up to half of what is free, or what the limit says; where another one was quicker, they stay with the host.
func TestPartsResident(t *testing.T) {
	onEmulator(t)
	t.Setenv("GOMINE_EMULATOR_MEMORY", "100000")
	c := newCase(1000, 4, 4, 33, objective.DV, backend.Softplus, 9) // 32,000 bytes
	load := func(d *device) *data {
		t.Helper()
		own, err := d.Load(c.x, c.z)
		if err != nil {
			t.Fatal(err)
		}
		return own.(*data)
	}
	check := func(what string, d *data, want bool) {
		t.Helper()
		if d.resident != want {
			t.Errorf("%s: on the device %v, want %v", what, d.resident, want)
		}
	}
	for _, limit := range []int64{0, 40000, 70000} {
		whole, _ := divided(t, Options{Precision: FP32, MemoryLimit: limit}, 1)
		part := divide(t, whole, 1)[0]
		if part.part {
			t.Error("a single part leaves room for others")
		}
		part.part = true
		first := load(part)
		check("a first one", first, true)
		check("a second one", load(part), limit == 70000)
		check("a third one", load(part), false)
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		check("when there is room again", load(part), true)
		if err := whole.Close(); err != nil {
			t.Error(err)
		}
	}
	whole, parts := divided(t, Options{Precision: FP32}, 1)
	parts[0].part = true
	t.Setenv("GOMINE_EMULATOR_FAIL", "cuMemAlloc_v2:2")
	check("where another one was quicker", load(parts[0]), false)
	t.Setenv("GOMINE_EMULATOR_FAIL", "")
	if n := free(t, whole); n != 100000 {
		t.Errorf("%d bytes are still allocated", 100000-n)
	}
	if err := whole.Close(); err != nil {
		t.Error(err)
	}
}
