//go:build !cuda

// Package check does nothing without the build tag cuda.
package check
