// Package kernels holds the CUDA kernels as PTX. Their sources are beside it;
// make kernels compiles them anew.
package kernels

import (
	"embed"
	"fmt"
	"path"
	"strconv"
	"strings"
)

//go:embed ptx/*.ptx
var files embed.FS

// A File is one compiled source.
type File struct {
	Name string // of the source, without its extension
	Arch int    // the oldest compute capability that runs it, as in 80
	PTX  string
}

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
		_, target, _ := strings.Cut(f.PTX, "\n.target sm_")
		number, _, _ := strings.Cut(target, "\n")
		if f.Arch, err = strconv.Atoi(number); err != nil {
			return nil, fmt.Errorf("kernels: %s: target of the PTX: %w", e.Name(), err)
		}
		all = append(all, f)
	}
	return all, nil
}
