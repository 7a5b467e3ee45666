package check

import (
	"reflect"
	"testing"
)

// TestOrder: packages are initialised in the order of their import paths among those
// whose imports are ready, so this one must sort before gorgonia.org/cu, which ends a
// program without a GPU in its own way.
func TestOrder(t *testing.T) {
	type here struct{}
	if path := reflect.TypeFor[here]().PkgPath(); path >= "gorgonia.org/cu" {
		t.Errorf("%s sorts after gorgonia.org/cu: choose a module path that sorts before (make module)", path)
	}
}
