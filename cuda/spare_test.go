//go:build cuda

package cuda

import (
	"errors"
	"slices"
	"testing"

	"gomine/cuda/internal/driver"
)

// TestPartsDoNotWait: what a part allocates, copies and frees does not wait for what another one has queued. The emulator
// does work as late as it may.
func TestPartsDoNotWait(t *testing.T) {
	onEmulator(t)
	whole, parts := divided(t, Options{Precision: FP32}, 2)
	defer whole.Close()
	const n = 100
	memory := parts[0].gpu.NewMemory()
	var queued driver.Pointer
	err := parts[0].onStream(func(s *driver.Stream, _ *driver.Memory) (err error) {
		if queued, err = memory.Alloc("test", 4*n); err != nil {
			return err
		}
		return s.Fill(queued, 7, n)
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func(d *device) []int32 {
		got := make([]int32, n)
		if err := d.gpu.Do(func() error { return driver.Download(d.gpu.Stream(), got, queued) }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	err = parts[1].onStream(func(s *driver.Stream, memory *driver.Memory) error {
		for range 3 {
			p, err := memory.Alloc("test", 4*n)
			if err != nil {
				return err
			}
			if err := errors.Join(driver.Upload(s, p, make([]int32, n)), s.Fill(p, 1, n), s.Synchronize(), memory.Free()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := read(parts[1]); !slices.Equal(got, make([]int32, n)) {
		t.Errorf("the work of the other part is done: %v", got[0])
	}
	if got := read(parts[0]); !slices.Equal(got, slices.Repeat([]int32{7}, n)) {
		t.Errorf("the work of the part itself is not done: %v", got[0])
	}
	if err := parts[0].gpu.Release(memory.Free); err != nil {
		t.Error(err)
	}
}

// TestSpare: memory that was freed comes back as zeros, and does not stand in the way of arrays of another size.
func TestSpare(t *testing.T) {
	onEmulator(t)
	const total, n, count = 100000, 250, 12
	t.Setenv("GOMINE_EMULATOR_MEMORY", "100000")
	d, err := open(Options{Precision: FP32})
	if err != nil {
		t.Fatal(err)
	}
	err = d.onStream(func(s *driver.Stream, memory *driver.Memory) error {
		var before []driver.Pointer
		for range 3 {
			var all []driver.Pointer
			for range count {
				p, err := memory.Alloc("test", 4*n)
				if err != nil {
					return err
				}
				got := make([]int32, n)
				if err := driver.Download(s, got, p); err != nil {
					return err
				}
				if !slices.Equal(got, make([]int32, n)) {
					t.Error("an array that is not zero")
				}
				if err := s.Fill(p, 7, n); err != nil {
					return err
				}
				all = append(all, p)
			}
			if err := memory.Free(); err != nil {
				return err
			}
			if slices.Sort(all); before != nil && !slices.Equal(all, before) {
				t.Error("freed arrays are not given out again")
			}
			before = all
			if free, err := d.gpu.Free(); err != nil || free != total {
				t.Errorf("%d bytes are free, %v, want %d", free, err, total)
			}
		}
		if _, err := memory.Alloc("test", total-4*n); err != nil {
			t.Errorf("there is no room beside what was freed: %v", err)
		}
		return memory.Free()
	})
	if err := errors.Join(err, d.Close()); err != nil {
		t.Error(err)
	}
}
