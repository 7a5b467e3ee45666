package table

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"

	"gomine/internal/wholefile"
)

// WriteCSV writes rows as comma-separated text, after a header line of names
// unless there are none. Numbers are printed in the shortest form that reads
// back as the same float64. Rows of a row-major slice are
// slices.Chunk(data, cols). If all names are numbers, the file must be read
// with HeaderYes.
//
// If path is "" or "-", the text goes to w. Otherwise it goes to a temporary
// file in the same folder, which takes the name path when it is complete and
// is removed if that does not come to pass; a device or pipe is written to
// directly.
//
// It is an error if rows differ in length from each other or from names, or
// hold a value that is not finite, which a [Reader] would refuse. On
// cancellation the error wraps ctx.Err().
func WriteCSV(ctx context.Context, path string, w io.Writer, names []string, rows iter.Seq[[]float64]) error {
	return create(path, w, func(out *bufio.Writer) error {
		for i, name := range names {
			if strings.TrimSpace(name) == "" {
				return fmt.Errorf("column %d has no name", i)
			}
		}
		if len(names) > 0 {
			c := csv.NewWriter(out)
			c.Write(names)
			c.Flush()
			if err := c.Error(); err != nil {
				return err
			}
		}
		var line []byte
		_, err := eachRow(ctx, rows, len(names), func(row []float64) error {
			line = line[:0]
			for _, v := range row {
				line = strconv.AppendFloat(line, v, 'g', -1, 64)
				line = append(line, ',')
			}
			line[len(line)-1] = '\n'
			_, err := out.Write(line)
			return err
		})
		return err
	})
}

// WriteNPY writes rows as a two-dimensional NPY array of float64, [rows, cols]
// little-endian in C order. seq must yield rows slices of length cols. path
// and w, and the errors, are as for [WriteCSV].
func WriteNPY(ctx context.Context, path string, w io.Writer, rows, cols int, seq iter.Seq[[]float64]) error {
	return create(path, w, func(out *bufio.Writer) error {
		if rows < 0 || cols < 1 {
			return fmt.Errorf("shape (%d, %d): at least one column is needed", rows, cols)
		}
		// The format wants the elements at a multiple of 64 bytes.
		const fixed = 10
		head := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }", rows, cols)
		head += strings.Repeat(" ", 63-(fixed+len(head))%64) + "\n"
		start := append(npyMagic[:len(npyMagic):len(npyMagic)], 1, 0)
		start = binary.LittleEndian.AppendUint16(start, uint16(len(head)))
		if _, err := out.Write(append(start, head...)); err != nil {
			return err
		}
		var line []byte
		n, err := eachRow(ctx, seq, cols, func(row []float64) error {
			line = line[:0]
			for _, v := range row {
				line = binary.LittleEndian.AppendUint64(line, math.Float64bits(v))
			}
			_, err := out.Write(line)
			return err
		})
		if err == nil && n != rows {
			err = fmt.Errorf("%d rows were announced and %d written", rows, n)
		}
		return err
	})
}

// eachRow passes rows to put, checked, and returns how many there were. cols
// is their length, or 0 for that of the first.
func eachRow(ctx context.Context, rows iter.Seq[[]float64], cols int, put func(row []float64) error) (int, error) {
	n, values := 0, checkEvery
	for row := range rows {
		if values += len(row); values >= checkEvery {
			values = 0
			if err := ctx.Err(); err != nil {
				return n, fmt.Errorf("stopped at row %d: %w", n+1, err)
			}
		}
		n++
		if cols == 0 {
			cols = len(row)
		}
		if len(row) == 0 || len(row) != cols {
			return n, fmt.Errorf("row %d has %d values, expected %d", n, len(row), cols)
		}
		for j, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return n, fmt.Errorf("row %d, column %d: %v is not a finite number", n, j, v)
			}
		}
		if err := put(row); err != nil {
			return n, err
		}
	}
	// A sequence that ends because of ctx is not a complete one.
	if err := ctx.Err(); err != nil {
		return n, fmt.Errorf("stopped after row %d: %w", n, err)
	}
	return n, nil
}

// create has fill write to w or to the file path, as documented at WriteCSV.
func create(path string, w io.Writer, fill func(out *bufio.Writer) error) error {
	var err error
	if path == "" || path == "-" {
		path = "stdout"
		err = fillWriter(w, fill)
	} else {
		err = wholefile.Write(path, func(f io.Writer) error { return fillWriter(f, fill) })
	}
	if err != nil {
		return inFile(path, err)
	}
	return nil
}

func fillWriter(w io.Writer, fill func(out *bufio.Writer) error) error {
	out := bufio.NewWriterSize(w, 256<<10)
	if err := fill(out); err != nil {
		return err
	}
	return out.Flush()
}
