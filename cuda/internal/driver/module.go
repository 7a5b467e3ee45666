//go:build cuda

package driver

// #include <cuda.h>
// #include <stdint.h>
// #include <stdlib.h>
//
// // load loads a module; what the compiler of PTX says of errors goes to log.
// static CUresult load(CUmodule *module, const void *image, char *log, size_t size) {
// 	CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
// 	void *values[] = {log, (void *)(uintptr_t)size};
// 	return cuModuleLoadDataEx(module, image, 2, options, values);
// }
import "C"

import (
	"bytes"
	"fmt"
	"strings"
	"unsafe"

	"gorgonia.org/cu"

	"gomine/mine/backend"
)

// An Image is a file of kernels: PTX, which the driver compiles, or a cubin.
type Image struct {
	Name    string // for messages
	Data    []byte
	Kernels []string
}

// function is a kernel as loaded.
type function struct {
	handle  C.CUfunction
	dynamic int // bytes of dynamic shared memory that it may have
}

// logBytes is how much is kept of what the driver's compiler says.
const logBytes = 4 << 10

// Load loads kernels. It must run on the device's thread. Errors wrap
// backend.ErrUnavailable.
func (d *Device) Load(images []Image) error {
	for _, image := range images {
		data := append(image.Data[:len(image.Data):len(image.Data)], 0) // PTX is a C string
		var module C.CUmodule
		log := make([]byte, logBytes)
		r := C.load(&module, unsafe.Pointer(&data[0]), (*C.char)(unsafe.Pointer(&log[0])), logBytes)
		if r != C.CUDA_SUCCESS {
			text, _, _ := bytes.Cut(log, []byte{0})
			return fmt.Errorf("kernels %s on %s, sm_%d, driver %d: %w%s%s: %w", image.Name, d.Name, d.Arch, cu.Version(),
				code(r), said(string(text)), remedy(r), backend.ErrUnavailable)
		}
		for _, name := range image.Kernels {
			f, err := d.function(module, name)
			if err != nil {
				return fmt.Errorf("kernels %s: kernel %s: %w: %w", image.Name, name, err, backend.ErrUnavailable)
			}
			d.functions[name] = f
		}
	}
	return nil
}

// function finds a kernel. All kernels may have as much dynamic shared memory as their
// static one leaves, and prefer shared memory to cache, so that the multiprocessors need not be
// divided anew between two kernels of a step.
func (d *Device) function(module C.CUmodule, name string) (f function, err error) {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	if err := code(C.cuModuleGetFunction(&f.handle, module, text)); err != nil {
		return f, err
	}
	var static C.int
	if err := code(C.cuFuncGetAttribute(&static, C.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, f.handle)); err != nil {
		return f, fmt.Errorf("its static shared memory: %w", err)
	}
	f.dynamic = d.Shared - int(static)
	err = code(C.cuFuncSetAttribute(f.handle, C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, C.int(f.dynamic)))
	if err != nil {
		return f, fmt.Errorf("%d bytes of dynamic shared memory: %w", f.dynamic, err)
	}
	err = code(C.cuFuncSetAttribute(f.handle, C.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, C.CU_SHAREDMEM_CARVEOUT_MAX_SHARED))
	if err != nil {
		return f, fmt.Errorf("preference for shared memory: %w", err)
	}
	return f, nil
}

// said quotes the log of the driver's compiler, on one line.
func said(log string) string {
	if log = strings.Join(strings.Fields(log), " "); log == "" {
		return ""
	}
	return " (" + log + ")"
}

// remedy says what to do where kernels do not load.
func remedy(r C.CUresult) string {
	switch r {
	case C.CUDA_ERROR_JIT_COMPILER_NOT_FOUND:
		return "; libnvidia-ptxjitcompiler.so.1, a part of the driver, is missing: install the whole driver (in a container, all of its libraries), " +
			"or name a folder of cubins in GOMINE_KERNELS"
	case C.CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
		return "; the driver is too old for this PTX: install R525 or newer, or name a folder of cubins in GOMINE_KERNELS"
	case C.CUDA_ERROR_NO_BINARY_FOR_GPU:
		return "; it is not for this device: unset GOMINE_KERNELS, or give what make cubins writes for its architecture"
	case C.CUDA_ERROR_INVALID_IMAGE, C.CUDA_ERROR_INVALID_PTX:
		return "; it is not whole, or was made by something else: unset GOMINE_KERNELS, or run make cubins anew"
	}
	return ""
}

// Has says whether a kernel is loaded.
func (d *Device) Has(kernel string) bool { _, ok := d.functions[kernel]; return ok }

// Resources are what a loaded kernel takes.
type Resources struct {
	Registers int // of a thread
	Local     int // bytes of a thread, of spilled registers and arrays
	Shared    int // bytes of a block, static
	Threads   int // that a block may have
}

// Resources returns those of all loaded kernels by name.
func (d *Device) Resources() (map[string]Resources, error) {
	all := map[string]Resources{}
	for name, f := range d.functions {
		var r Resources
		for _, a := range []struct {
			to   *int
			what C.CUfunction_attribute
		}{
			{&r.Registers, C.CU_FUNC_ATTRIBUTE_NUM_REGS}, {&r.Local, C.CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES},
			{&r.Shared, C.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES}, {&r.Threads, C.CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK},
		} {
			var value C.int
			if err := code(C.cuFuncGetAttribute(&value, a.what, f.handle)); err != nil {
				return nil, wrap("attribute of kernel "+name, err)
			}
			*a.to = int(value)
		}
		all[name] = r
	}
	return all, nil
}
