//go:build cuda

package cuda

import (
	"gorgonia.org/cu"

	"gomine/mine/backend"
)

// Describe describes a device that Open returned; false for any other backend.
func Describe(b backend.Backend) (Description, bool) {
	d, ok := b.(*device)
	if !ok {
		return Description{}, false
	}
	about := Description{
		Name: d.gpu.Name, Arch: d.gpu.Arch, Driver: cu.Version(), Precision: d.precision,
		Kernels: "embedded PTX, compiled by the driver", Loading: d.loading,
	}
	err := d.gpu.Do(func() (err error) {
		about.Free, about.Total, err = cu.MemInfo()
		return err
	})
	return about, err == nil
}
