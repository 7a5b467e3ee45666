//go:build cuda

package cuda

import (
	"gorgonia.org/cu"

	"gomine/mine/backend"
)

// Describe describes a device that Open returned; false for any other backend, and
// where the device does not answer.
func Describe(b backend.Backend) (Description, bool) {
	d, ok := b.(*device)
	if !ok {
		return Description{}, false
	}
	about := Description{
		Name: d.gpu.Name, Arch: d.gpu.Arch, Driver: cu.Version(), Precision: d.precision, Kernels: d.origin(), Loading: d.loading,
	}
	err := d.gpu.Do(func() (err error) {
		about.Free, about.Total, err = d.gpu.MemoryInfo()
		return err
	})
	return about, err == nil
}

// origin says where the kernels are from.
func (d *device) origin() string {
	switch {
	case d.folder == "":
		return "embedded PTX, compiled by the driver"
	case d.compiled:
		return "PTX and cubins in " + d.folder
	}
	return "cubins in " + d.folder
}
