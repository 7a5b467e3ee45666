package figure

import (
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      string
	}{
		{0, 1, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{-0.99, 0.99, "-0.5 0.0 0.5"},
		{0, 8, "0 2 4 6 8"},
		{-1.5, 10, "0 2 4 6 8 10"},
		{100, 1300, "200 400 600 800 1000 1200"},
	} {
		var labels []string
		for _, tick := range ticks(c.low, c.high) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("ticks(%g, %g) are %s, want %s", c.low, c.high, got, c.want)
		}
	}
}

// TestSave reads the pictures back and finds more than one colour in each.
func TestSave(t *testing.T) {
	x := []float64{1, 2, 3}
	panel := Panel{Title: "t", X: "x", Y: "y", Curves: []Curve{
		{Name: "band", X: x, Y: x, Low: []float64{0, 1, 2}, High: []float64{2, 3, 4}},
		{Name: "truth", X: x, Y: x, Reference: true},
		{Name: "cloud", X: x, Y: x, Points: true},
		{Name: "empty"},
	}}
	path := filepath.Join(t.TempDir(), "panel.png")
	if err := Save(path, 2, panel, panel, panel); err != nil {
		t.Fatal(err)
	}
	colourful(t, path)
	path = filepath.Join(t.TempDir(), "sheet.png")
	if err := SaveSheet(path, [][]float32{{0, 1, 0.5, -3, 7, 1}, {1, 1, 1, 0, 0, 0}}, 3, 2, 4); err != nil {
		t.Fatal(err)
	}
	colourful(t, path)

	panel.Curves[0].Y = []float64{1, math.NaN(), 3}
	path = filepath.Join(t.TempDir(), "none.png")
	if err := Save(path, 1, panel); err == nil || !strings.Contains(err.Error(), "band") {
		t.Errorf("a curve with NaN: %v, want an error that names it", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file nevertheless")
	}
}

func colourful(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	first := img.At(0, 0)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if img.At(x, y) != first {
				return
			}
		}
	}
	t.Errorf("%s is of one colour", path)
}

// TestLogTicks looks at the values and labels of two ranges.
func TestLogTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		ticks     int
		labels    []string
	}{
		{0.05, 20, 5 + 9 + 9 + 2, []string{"0.1", "1", "10"}}, // .05 to .09, .1 to .9, 1 to 9, 10, 20
		{1.5, 7, 6, []string{"2", "5"}},
		{0.02, 0.2, 8 + 2, []string{"0.02", "0.05", "0.1", "0.2"}},
	} {
		ticks := logTicks(c.low, c.high)
		var labels []string
		for _, tick := range ticks {
			if tick.Value < c.low || tick.Value > c.high {
				t.Errorf("%v to %v: a tick at %v", c.low, c.high, tick.Value)
			}
			if tick.Label != "" {
				labels = append(labels, tick.Label)
			}
		}
		if len(ticks) != c.ticks || !slices.Equal(labels, c.labels) {
			t.Errorf("%v to %v: %d ticks, labels %v, want %d, %v", c.low, c.high, len(ticks), labels, c.ticks, c.labels)
		}
	}
}
