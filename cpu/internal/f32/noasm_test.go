//go:build (!amd64 && !arm64) || purego

package f32

import "testing"

func implementations() []string { return []string{"generic"} }

func use(testing.TB, string) {}
