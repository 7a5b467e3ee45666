package digits

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"gomine/mine/backend"
)

// An IDX file is a big-endian header of 32-bit words, a magic number and one
// length per dimension, and then the elements. The last two bytes of the magic
// are the type of the elements, 8 for unsigned bytes, and the number of
// dimensions.
const (
	magicImages = 0x00000803
	magicLabels = 0x00000801
)

// maxSize is the largest side of a picture in pixels: what a header claims
// can then be counted in bytes without overflow.
const maxSize = 1024

var gzipMagic = []byte{0x1f, 0x8b}

// Read reads the pictures and the labels of a pair of IDX files, such as
// MNIST's train-images-idx3-ubyte and train-labels-idx1-ubyte. Either may be
// compressed by gzip, which is told by its content. A byte p becomes p/255.
// Memory grows with the bytes that are in the files, never with what a header
// claims. Errors name the file.
func Read(images, labels string) (Set, error) {
	var files [2]source
	for i, path := range []string{images, labels} {
		f, err := os.Open(path)
		if err != nil {
			return Set{}, fmt.Errorf("digits: %s: %w", path, cause(err, "nothing was read"))
		}
		defer f.Close()
		files[i] = source{path, f}
	}
	return read(files[0], files[1])
}

// source is a file and what stands for it in errors.
type source struct {
	name string
	in   io.Reader
}

func read(images, labels source) (Set, error) {
	pictures, dims, err := readIDX(images, magicImages)
	if err != nil {
		return Set{}, err
	}
	marks, counts, err := readIDX(labels, magicLabels)
	if err != nil {
		return Set{}, err
	}
	n, size := dims[0], dims[1]
	if counts[0] != n {
		return Set{}, fmt.Errorf("digits: %s has %d pictures and %s has %d labels: name the two files of one set", images.name, n, labels.name, counts[0])
	}
	for i, m := range marks {
		if m > 9 {
			return Set{}, fmt.Errorf("digits: %s: label %d of picture %d is no digit: labels run from 0 to 9", labels.name, m, i)
		}
	}
	set := Set{Size: size, Pixels: backend.NewMatrix(n, size*size), Labels: marks}
	for i, p := range pictures {
		set.Pixels.Data[i] = float32(p) / 255
	}
	return set, nil
}

// readIDX returns the elements of an IDX file of bytes, and its dimensions.
func readIDX(s source, magic uint32) (data []byte, dims []int, err error) {
	in := bufio.NewReader(s.in)
	// A file too short for a magic is not gzip; the header will say so.
	if head, _ := in.Peek(len(gzipMagic)); bytes.Equal(head, gzipMagic) {
		var zip *gzip.Reader
		if zip, err = gzip.NewReader(in); err != nil {
			return nil, nil, fmt.Errorf("digits: %s: %w", s.name, cause(err, "the file ends within the header of gzip"))
		}
		in = bufio.NewReader(zip)
	}
	if dims, err = readHeader(in, magic); err == nil {
		data, err = readElements(in, dims)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("digits: %s: %w", s.name, err)
	}
	return data, dims, nil
}

// readHeader returns the dimensions, all at least 1, those of pictures square
// and at most maxSize.
func readHeader(in io.Reader, want uint32) ([]int, error) {
	var word [4]byte
	next := func() (uint32, error) {
		if _, err := io.ReadFull(in, word[:]); err != nil {
			return 0, cause(err, "the file ends within the header")
		}
		return binary.BigEndian.Uint32(word[:]), nil
	}
	magic, err := next()
	if err != nil {
		return nil, err
	}
	if magic != want {
		if magic == magicImages || magic == magicLabels {
			return nil, fmt.Errorf("magic number %#08x, want %#08x: give the file of pictures first and that of labels second", magic, want)
		}
		return nil, fmt.Errorf("magic number %#08x, want %#08x: name an IDX file of bytes, as MNIST has them", magic, want)
	}
	dims := make([]int, want&0xff)
	for i := range dims {
		length, err := next()
		switch {
		case err != nil:
			return nil, err
		case length == 0:
			return nil, errors.New("the header announces no elements: name a file with at least one")
		case i > 0 && length > maxSize:
			return nil, fmt.Errorf("pictures with a side of %d pixels: at most %d are read", length, maxSize)
		}
		dims[i] = int(length)
	}
	if len(dims) == 3 && dims[1] != dims[2] {
		return nil, fmt.Errorf("pictures of %d lines of %d pixels: only square ones are read", dims[1], dims[2])
	}
	return dims, nil
}

// readElements reads all elements and the end of the file.
func readElements(in io.Reader, dims []int) ([]byte, error) {
	want := int64(1)
	for _, d := range dims {
		want *= int64(d) // below 2^32 * maxSize^2
	}
	// The slice grows with the bytes that come. One more than announced is
	// asked for, to see the end, where gzip checks its sum.
	data, err := io.ReadAll(io.LimitReader(in, want+1))
	switch have := int64(len(data)); {
	case err != nil:
		return nil, cause(err, fmt.Sprintf("the file ends after %d of %d elements", have, want))
	case have < want:
		return nil, cause(io.EOF, fmt.Sprintf("the file ends after %d of %d elements", have, want))
	case have > want:
		return nil, fmt.Errorf("the file goes on after the %d elements that the header announces: fetch it anew", want)
	}
	return data, nil
}

// cause says what an error of reading means; where says how far it came.
func cause(err error, where string) error {
	var corrupt flate.CorruptInputError
	var path *fs.PathError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("truncated: %s: fetch it anew", where)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		return fmt.Errorf("damaged gzip data: %w: fetch the file anew", err)
	case errors.As(err, &path):
		return path.Err // the file is named already
	}
	return err
}
