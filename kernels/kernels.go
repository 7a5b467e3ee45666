// Package kernels holds the CUDA kernels as PTX. Their sources are beside it;
// make kernels compiles them anew.
package kernels

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed ptx/*.ptx
var files embed.FS

// A File is one compiled source.
type File struct {
	Name      string // of the source, without its extension
	Precision string // of the matrix products that it is for, as the name ends: one of Precisions; "" for all
	Arch      int    // the oldest compute capability that runs it, as in 80
	PTX       string
	Kernels   []string
}

// Precisions are the endings of names of files, as in gemm_tf32, that hold kernels for
// one precision only.
func Precisions() []string { return []string{"f32", "tf32", "tf32x3", "bf16"} }

// Files returns all of them, by name.
func Files() ([]File, error) {
	entries, err := files.ReadDir("ptx")
	if err != nil {
		return nil, err
	}
	var all []File
	for _, e := range entries {
		text, err := files.ReadFile(path.Join("ptx", e.Name()))
		if err != nil {
			return nil, err
		}
		f := File{Name: strings.TrimSuffix(e.Name(), ".ptx"), PTX: string(text)}
		if ending := f.Name[strings.LastIndex(f.Name, "_")+1:]; slices.Contains(Precisions(), ending) {
			f.Precision = ending
		}
		_, target, _ := strings.Cut(f.PTX, "\n.target sm_")
		number, _, _ := strings.Cut(target, "\n")
		if f.Arch, err = strconv.Atoi(number); err != nil {
			return nil, fmt.Errorf("kernels: %s: target of the PTX: %w", e.Name(), err)
		}
		for _, part := range strings.Split(f.PTX, "\n.visible .entry ")[1:] {
			name, _, _ := strings.Cut(part, "(")
			f.Kernels = append(f.Kernels, name)
		}
		all = append(all, f)
	}
	return all, nil
}
