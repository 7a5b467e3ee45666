package table

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is how much of what came before a zstd file may refer to: as much as zstd -d allows.
const maxWindow = 128 << 20

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
	// A zstd file may begin with a frame of something else; pzstd writes such.
	zstdSkipped = []byte{0x2a, 0x4d, 0x18} // after a byte from 0x50 to 0x5f
)

// uncompressed returns the content of in, which begins with head, and the name of its
// compression, "" if there is none.
func uncompressed(in *bufio.Reader, head []byte) (io.Reader, string, error) {
	var content io.Reader
	var err error
	var name string
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		name = "gzip"
		content, err = gzip.NewReader(in)
	case bytes.HasPrefix(head, zstdMagic), len(head) > 4 && head[0]>>4 == 5 && bytes.HasPrefix(head[1:], zstdSkipped):
		name = "zstd"
		// One at a time, which needs no goroutine, and so nobody to end it.
		content, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	default:
		return in, "", nil
	}
	if err != nil {
		return nil, name, fmt.Errorf("damaged %s data: %w", name, err)
	}
	return unpacked{content, name}, name, nil
}

// unpacked names the cause of an error that would otherwise read "unexpected EOF".
type unpacked struct {
	io.Reader
	name string
}

func (u unpacked) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("truncated or damaged %s data: %w", u.name, err)
	}
	return n, err
}
