//go:build !cuda

package cuda

import (
	"fmt"

	"gomine/mine/backend"
)

// Open opens a device.
func Open(Options) (backend.Backend, error) {
	return nil, fmt.Errorf("cuda: this program was built without the tag cuda: %w", backend.ErrUnavailable)
}

// Describe describes a device that Open returned; false for any other backend.
func Describe(backend.Backend) (Description, bool) { return Description{}, false }
