//go:build cuda

package cuda

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gomine/cuda/internal/driver"
	"gomine/kernels"
	"gomine/mine/backend"
)

// kernelsVariable names the folder of kernels where Options.Kernels does not.
const kernelsVariable = "GOMINE_KERNELS"

// ending is how the names of files end that hold the kernels of a precision, see
// kernels.File.
func (p Precision) ending() string {
	switch p {
	case FP32:
		return "f32"
	case TF32x3:
		return "tf32x3"
	}
	return string(p)
}

// needs says whether the precision takes kernels of a file: those of every precision, its own,
// and for the small networks of BF16, which are bound by latency, those of TF32.
func (p Precision) needs(f kernels.File) bool {
	return f.Precision == "" || f.Precision == p.ending() || p == BF16 && f.Name == "fused_tf32"
}

// load loads the kernels of some files.
func (d *device) load(wanted func(kernels.File) bool) error {
	files, err := kernels.Files()
	if err != nil {
		return err
	}
	var images []driver.Image
	compiled := false
	for _, f := range files {
		if !wanted(f) {
			continue
		}
		image, isPTX, err := imageOf(f, d.folder)
		if err != nil {
			return err
		}
		images = append(images, image)
		compiled = compiled || isPTX
	}
	if compiled && d.compiling != nil {
		d.compiling()
		d.compiling = nil
	}
	d.compiled = d.compiled || compiled
	return d.gpu.Do(func() error { return d.gpu.Load(images) })
}

// imageOf returns what to load of a file: NAME.cubin or NAME.ptx of the folder, or the
// embedded PTX without one.
func imageOf(f kernels.File, folder string) (image driver.Image, isPTX bool, err error) {
	image = driver.Image{Name: f.Name, Data: []byte(f.PTX), Kernels: f.Kernels}
	if folder == "" {
		return image, true, nil
	}
	fail := func(format string, args ...any) (driver.Image, bool, error) {
		return image, false, fmt.Errorf("kernels in %s: %s: unset %s, or name a folder that make cubins wrote: %w",
			folder, fmt.Sprintf(format, args...), kernelsVariable, backend.ErrUnavailable)
	}
	for _, extension := range []string{".cubin", ".ptx"} {
		image.Name = filepath.Join(folder, f.Name+extension)
		image.Data, err = os.ReadFile(image.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return fail("%v", err)
		case extension == ".ptx" && !bytes.Contains(image.Data, []byte("\n.version ")):
			return fail("%s is no PTX", f.Name+extension)
		case extension == ".ptx":
			return image, true, nil
		}
		arch, ok := archOf(image.Data)
		if !ok {
			return fail("%s is no cubin", f.Name+extension)
		}
		image.Name += fmt.Sprintf(" (for sm_%d)", arch)
		return image, false, nil
	}
	return fail("neither %s.cubin nor %s.ptx is there, only %s", f.Name, f.Name, listed(folder))
}

// archOf returns the compute capability that a cubin is for: an ELF file for machine
// 190 with it in its flags, in bits 0 to 7, or 8 to 15 from version 8 of the format on,
// which CUDA 13 writes.
func archOf(cubin []byte) (arch int, ok bool) {
	if len(cubin) < 64 || string(cubin[:4]) != "\x7fELF" || cubin[18] != 190 || cubin[19] != 0 {
		return 0, false
	}
	const version, flags = 8, 48
	if cubin[version] >= 8 {
		return int(cubin[flags+1]), true
	}
	return int(cubin[flags]), true
}

// listed names the first few files of a folder.
func listed(folder string) string {
	entries, err := os.ReadDir(folder)
	switch {
	case err != nil:
		return "an error: " + err.Error()
	case len(entries) == 0:
		return "nothing"
	}
	const most = 5
	var names []string
	for _, e := range entries[:min(most, len(entries))] {
		names = append(names, e.Name())
	}
	if len(entries) > most {
		names = append(names, "..")
	}
	return strings.Join(names, ", ")
}
