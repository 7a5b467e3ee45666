package kernels

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFiles: what is embedded was compiled from the sources that are there, for
// drivers since R525 (PTX 8.0), and every kernel has a launch function.
func TestFiles(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.cu")
	if err != nil || len(sources) == 0 || len(sources) != len(files) {
		t.Fatalf("%d sources, %d files of PTX, %v: run make kernels", len(sources), len(files), err)
	}
	wrappers, err := os.ReadFile("../cuda/internal/kernel/kernel.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^KERNEL\([\d, ]+\) (\w+)\(`)
	compiled := regexp.MustCompile(`(?m)^\.visible \.entry (\w+)\(`)
	for i, f := range files {
		source, err := os.ReadFile(f.Name + ".cu")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(sources, f.Name+".cu") {
			t.Errorf("ptx/%s.ptx has no source", f.Name)
		}
		want, got := names(declared, string(source)), names(compiled, f.PTX)
		if !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s: the PTX has %v, the source %v: run make kernels", f.Name, got, want)
		}
		if !strings.Contains(f.PTX, "\n.version 8.0\n") {
			t.Errorf("%s: PTX is not of version 8.0", f.Name)
		}
		if arch := 70; strings.Contains(string(source), "\n// arch: 80\n") {
			arch = 80
			if f.Arch != arch {
				t.Errorf("%s is for sm_%d, want sm_%d", f.Name, f.Arch, arch)
			}
		} else if f.Arch != arch {
			t.Errorf("%s is for sm_%d, want sm_%d", f.Name, f.Arch, arch)
		}
		for _, kernel := range want {
			if !strings.Contains(string(wrappers), `s.Launch("`+kernel+`", `) {
				t.Errorf("file %d: kernel %s has no launch function: run make kernels", i, kernel)
			}
		}
	}
}

// TestObjectives: what the kernels know of the objectives is what package objective
// says.
func TestObjectives(t *testing.T) {
	want, err := exec.Command("go", "run", "./generate/objectives").Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("objectives.cuh")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("objectives.cuh is not what its generator writes: run make kernels")
	}
}

func names(pattern *regexp.Regexp, text string) []string {
	var all []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	slices.Sort(all)
	return all
}
