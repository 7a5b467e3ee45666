//go:build cuda

package cuda

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gomine/kernels"
	"gomine/mine/backend"
	"gomine/mine/objective"
)

// openAll opens a device and loads the kernels of all precisions that it has.
func openAll(t *testing.T) *device {
	t.Helper()
	d, err := open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Precisions() {
		if p == d.precision || d.gpu.Arch < tensorArch {
			continue
		}
		if err := d.load(func(f kernels.File) bool { return f.Precision == p.ending() }); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// TestKernelsByPrecision: what is loaded are the kernels of the chosen precision and
// those of all precisions, and no others.
func TestKernelsByPrecision(t *testing.T) {
	files, err := kernels.Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Precisions() {
		calls := 0
		b, err := Open(Options{Precision: p, Compiling: func() { calls++ }})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			want := f.Precision == "" || f.Precision == p.ending() || p == BF16 && f.Name == "fused_tf32"
			for _, name := range f.Kernels {
				if b.(*device).gpu.Has(name) != want {
					t.Errorf("precision %s: kernel %s of %s is loaded: %v, want %v", p, name, f.Name, !want, want)
				}
			}
		}
		if want := 1; os.Getenv(kernelsVariable) == "" && calls != want {
			t.Errorf("precision %s: Compiling was called %d times, want %d", p, calls, want)
		}
		about, ok := Describe(b)
		if !ok || about.Precision != p || about.Total < about.Free || about.Free < 1 || about.Arch < oldestArch || about.Driver < 12000 ||
			about.Name == "" || about.Kernels == "" || about.Loading <= 0 {
			t.Errorf("precision %s: description %+v, %v", p, about, ok)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if _, ok := Describe(b); ok {
			t.Error("a closed device was described")
		}
	}
}

// cubin returns what the emulator reads of a cubin: an ELF header with the compute capability in
// its flags, and a section for each kernel's code.
func cubin(arch int, names []string) []byte {
	const header, section = 64, 64
	texts := "\x00"
	sections := make([]byte, section*(1+len(names)))
	for i, name := range names {
		binary.LittleEndian.PutUint32(sections[section*(i+1):], uint32(len(texts)))
		texts += ".text." + name + "\x00"
	}
	binary.LittleEndian.PutUint64(sections[24:], uint64(header+len(sections))) // where the names lie
	head := make([]byte, header)
	copy(head, "\x7fELF\x02\x01\x01\x33\x07")
	binary.LittleEndian.PutUint16(head[18:], 190)
	binary.LittleEndian.PutUint64(head[40:], header)
	binary.LittleEndian.PutUint32(head[48:], uint32(arch)|0x460500)
	binary.LittleEndian.PutUint16(head[60:], uint16(1+len(names)))
	return append(append(head, sections...), texts...)
}

// fill writes stand-ins for the cubins of all files into a folder.
func fill(t *testing.T, folder string, arch int) {
	t.Helper()
	files, err := kernels.Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		write(t, folder, f.Name+".cubin", cubin(arch, f.Kernels))
	}
}

func write(t *testing.T, folder, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestKernelsFolder: cubins of a folder are used in place of the PTX, and PTX of it where
// a file has no cubin; what is wrong there is named.
func TestKernelsFolder(t *testing.T) {
	onEmulator(t)
	files, err := kernels.Files()
	if err != nil {
		t.Fatal(err)
	}
	full, mixed, old, foreign, broken, wrong := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	fill(t, full, 90)
	fill(t, mixed, 90)
	fill(t, old, 80)
	fill(t, broken, 90)
	fill(t, wrong, 90)
	for _, f := range files {
		if f.Name == "draw" {
			write(t, mixed, "draw.ptx", []byte(f.PTX))
		}
	}
	if err := os.Remove(filepath.Join(mixed, "draw.cubin")); err != nil {
		t.Fatal(err)
	}
	write(t, foreign, "notes.txt", []byte("nothing"))
	write(t, broken, "draw.cubin", []byte("no ELF file, but longer than its header, which has sixty-four bytes"))
	if err := os.Remove(filepath.Join(wrong, "draw.cubin")); err != nil {
		t.Fatal(err)
	}
	write(t, wrong, "draw.ptx", []byte("not PTX"))
	c := newCase(90, 5, 3, 33, objective.DV, backend.ReLU, 17, 9)
	for _, folder := range []string{full, mixed} {
		t.Setenv(kernelsVariable, folder)
		calls := 0
		b, err := Open(Options{Precision: FP32, Compiling: func() { calls++ }})
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]int{full: 0, mixed: 1}[folder]; calls != want {
			t.Errorf("Compiling was called %d times, want %d", calls, want)
		}
		if about, _ := Describe(b); !strings.Contains(about.Kernels, folder) || strings.Contains(about.Kernels, "PTX") != (folder == mixed) {
			t.Errorf("kernels are said to be from %q, want %s", about.Kernels, folder)
		}
		trainer, _ := c.trainer(t, b)
		run(t, trainer, 1e-3, 2)
	}
	none := filepath.Join(full, "none")
	for _, bad := range []struct {
		folder string
		want   []string
	}{
		{none, []string{none, "adam.cubin"}},
		{t.TempDir(), []string{"adam.cubin", "nothing"}},
		{foreign, []string{foreign, "adam.cubin", "notes.txt"}},
		{broken, []string{broken, "draw.cubin is no cubin"}},
		{wrong, []string{wrong, "draw.ptx is no PTX"}},
		{old, []string{filepath.Join(old, "adam.cubin"), "for sm_80", "sm_90", "make cubins"}},
	} {
		_, err := Open(Options{Kernels: bad.folder})
		if !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("%s: error %v, want ErrUnavailable", bad.folder, err)
			continue
		}
		for _, want := range append(bad.want, kernelsVariable) {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q, want one with %q", err, want)
			}
		}
	}
	t.Setenv("GOMINE_EMULATOR_ARCH", "86") // of sm_80's family
	b, err := Open(Options{Kernels: old})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestLoadingFails: what the driver lacks is said with what to do.
func TestLoadingFails(t *testing.T) {
	onEmulator(t)
	for code, want := range map[string]string{"221": "libnvidia-ptxjitcompiler.so.1", "222": "R525", "209": kernelsVariable} {
		t.Setenv("GOMINE_EMULATOR_FAIL", "cuModuleLoadData:2:"+code)
		_, err := Open(Options{})
		t.Setenv("GOMINE_EMULATOR_FAIL", "")
		if b, err := Open(Options{}); err != nil { // the next one may succeed
			t.Error(err)
		} else if err := b.Close(); err != nil {
			t.Error(err)
		}
		if !errors.Is(err, backend.ErrUnavailable) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "kernels clip") {
			t.Errorf("code %s: error %v, want ErrUnavailable with %q", code, err, want)
		}
	}
	t.Setenv("GOMINE_EMULATOR_DRIVER", "11080")
	if _, err := Open(Options{}); !errors.Is(err, backend.ErrUnavailable) || !strings.Contains(err.Error(), "R525") {
		t.Errorf("an old driver: error %v", err)
	}
}

// TestCloseEndsThread: a closed device leaves no goroutine, and so no thread.
func TestCloseEndsThread(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		b, err := Open(Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// TestSynchronousFromEnvironment: GOMINE_CUDA_SYNC=1 is Options.Synchronous.
func TestSynchronousFromEnvironment(t *testing.T) {
	for value, want := range map[string]bool{"": false, "0": false, "1": true} {
		t.Setenv("GOMINE_CUDA_SYNC", value)
		d, err := open(Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := d.gpu.Synchronous(); got != want {
			t.Errorf("GOMINE_CUDA_SYNC=%s: synchronous %v", value, got)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
