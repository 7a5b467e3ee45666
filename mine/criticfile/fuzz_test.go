package criticfile

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"gomine/internal/safetensors"
	"gomine/mine"
	"gomine/mine/backend"
)

// FuzzRead: no description of the arrays of a file makes the reader panic, and the maps
// that it takes make numbers of rows.
func FuzzRead(f *testing.F) {
	x, z := mixed(100, 2)
	cfg := mine.SingleConfig(100, mine.DefaultConfig(100).Candidates[6])
	cfg.Hidden, cfg.Steps, cfg.TestPairs, cfg.Reference = []int{2}, 20, 200, true
	fitted, _, err := mine.Fit(f.Context(), x, z, cfg)
	if err != nil {
		f.Fatal(err)
	}
	defer fitted.Close()
	good, err := safetensors.Read(write(f, Critic{State: fitted.State()}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Metadata[metadataName])
	f.Fuzz(func(t *testing.T, description string) {
		var b bytes.Buffer
		if err := safetensors.Write(&b, safetensors.File{Metadata: map[string]string{metadataName: description}, Tensors: good.Tensors}); err != nil {
			t.Fatal(err)
		}
		c, err := Read(b.Bytes())
		if err != nil {
			return
		}
		if err := Write(io.Discard, c); err != nil {
			t.Fatal(err)
		}
		for _, p := range c.State.Parts {
			mx, mz, err := p.Maps.Apply(x, z)
			if err != nil && !errors.Is(err, backend.ErrShape) { // of other columns
				t.Fatal(err)
			}
			for _, v := range append(mx.Data, mz.Data...) {
				if v != v {
					t.Fatal("an input is NaN")
				}
			}
		}
	})
}
