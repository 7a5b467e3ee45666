package table

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

func BenchmarkRead(b *testing.B) {
	const rows, cols = 100_000, 40
	rng := rand.New(rand.NewPCG(1, 2))
	data := make([]float64, rows*cols)
	for i := range data {
		data[i] = rng.NormFloat64()
	}
	ctx := b.Context()
	dir := b.TempDir()
	names := make([]string, cols)
	for i := range names {
		names[i] = "X" + string(rune('A'+i))
	}
	csvPath, npyPath := filepath.Join(dir, "a.csv"), filepath.Join(dir, "a.npy")
	if err := WriteCSV(ctx, csvPath, nil, names, slices.Chunk(data, cols)); err != nil {
		b.Fatal(err)
	}
	if err := WriteNPY(ctx, npyPath, nil, rows, cols, slices.Chunk(data, cols)); err != nil {
		b.Fatal(err)
	}
	parquetPath := filepath.Join(dir, "a.parquet")
	if err := os.WriteFile(parquetPath, parquetMatrix(b, names, data), 0o600); err != nil {
		b.Fatal(err)
	}
	all := func(b *testing.B, r *Reader, err error) {
		if err != nil {
			b.Fatal(err)
		}
		defer r.Close()
		sel, err := r.Select("--x", ":")
		if err != nil {
			b.Fatal(err)
		}
		m, err := readFlat(r, context.Background(), sel)
		if err != nil {
			b.Fatal(err)
		}
		if m[0].Rows != rows || m[0].Cols != cols {
			b.Fatalf("read [%d, %d]", m[0].Rows, m[0].Cols)
		}
	}
	for _, path := range []string{csvPath, npyPath, parquetPath} {
		raw, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		format := filepath.Ext(path)[1:]
		b.Run("format="+format+"/from=file", func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				r, err := Open(path, Options{})
				all(b, r, err)
			}
		})
		b.Run("format="+format+"/from=stream", func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				r, err := OpenStream("stream", bytes.NewReader(raw), Options{})
				all(b, r, err)
			}
		})
	}
}

// parquetMatrix returns the Parquet file of a matrix whose columns can lack values and do not,
// without compression.
func parquetMatrix(b *testing.B, names []string, data []float64) []byte {
	rows := len(data) / len(names)
	defined := slices.Repeat([]int16{1}, rows)
	var columns []parquetColumn
	for j, name := range names {
		values := make([]float64, rows)
		for i := range values {
			values[i] = data[i*len(names)+j]
		}
		columns = append(columns, parquetColumn{node: schema.NewFloat64Node(name, parquet.Repetitions.Optional, -1), values: values, defined: defined})
	}
	return parquetBytes(b, 1, columns, parquet.WithDictionaryDefault(false))
}
