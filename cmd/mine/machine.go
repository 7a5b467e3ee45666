package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// machine is what a program runs on, as far as the operating system tells.
type machine struct {
	System     string `json:"system"`
	Processor  string `json:"processor,omitempty"`
	Processors int    `json:"processors"`
	Used       int    `json:"processors_used"` // of these by this program
	Memory     int64  `json:"memory_bytes,omitempty"`
	Available  int64  `json:"memory_available_bytes,omitempty"`
	Driver     string `json:"nvidia_driver,omitempty"` // version of the kernel's module
	Library    string `json:"libcuda,omitempty"`       // path of the driver's library
}

// thisMachine asks Linux for what it says in files; elsewhere that is left out.
func thisMachine() machine {
	return machine{
		System:     runtime.GOOS + "/" + runtime.GOARCH,
		Processor:  value("/proc/cpuinfo", "model name"),
		Processors: runtime.NumCPU(),
		Used:       runtime.GOMAXPROCS(0),
		Memory:     kilobytes(value("/proc/meminfo", "MemTotal")),
		Available:  kilobytes(value("/proc/meminfo", "MemAvailable")),
		Driver:     nvidiaDriver("/proc/driver/nvidia/version"),
		Library:    findLibrary(libraryFolders(os.Getenv("LD_LIBRARY_PATH"))),
	}
}

// value returns what follows the first line "name : value" of a file, or "".
func value(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kilobytes turns "123 kB" into bytes, and what it cannot read into 0.
func kilobytes(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// nvidiaDriver returns the version in the file that the driver's kernel module makes:
// the first word of digits and points in "NVRM version: NVIDIA UNIX x86_64 Kernel
// Module  580.65.06  Sun Jul 27 ...".
func nvidiaDriver(path string) string {
	for _, word := range strings.Fields(value(path, "NVRM version")) {
		if major, _, found := strings.Cut(word, "."); found {
			if _, err := strconv.Atoi(major); err == nil {
				return word
			}
		}
	}
	return ""
}

// libraryFolders lists where a driver's library may lie: in the folders that the
// variable names, then where distributions, containers and WSL put it.
func libraryFolders(variable string) []string {
	return append(filepath.SplitList(variable), "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
		"/usr/lib64", "/usr/lib", "/usr/local/nvidia/lib64", "/usr/lib/wsl/lib")
}

// findLibrary returns the path of the first libcuda.so.1 in the folders, or "".
func findLibrary(folders []string) string {
	for _, folder := range folders {
		path := filepath.Join(folder, "libcuda.so.1")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}
