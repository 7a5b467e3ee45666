package figure

import (
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
)

// writePNG writes a whole file or none.
func writePNG(path string, picture io.WriterTo) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = picture.WriteTo(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}

// sheet encodes an image on demand.
type sheet struct{ image.Image }

func (s sheet) WriteTo(w io.Writer) (int64, error) { return 0, png.Encode(w, s.Image) }

// SaveSheet draws grey pictures of width w in rows of columns each, enlarged
// scale times, one pixel apart. Values run from 0, black, to 1, white; others
// are clamped.
func SaveSheet(path string, pictures [][]float32, w, columns, scale int) error {
	rows := (len(pictures) + columns - 1) / columns
	height := 1
	if len(pictures) > 0 {
		height = len(pictures[0]) / w
	}
	cellW, cellH := w*scale+1, height*scale+1
	img := image.NewGray(image.Rect(0, 0, columns*cellW, rows*cellH))
	for i := range img.Pix {
		img.Pix[i] = 96 // what separates the pictures
	}
	for n, picture := range pictures {
		left, top := n%columns*cellW, n/columns*cellH
		for y := range height * scale {
			for x := range w * scale {
				v := min(max(picture[y/scale*w+x/scale], 0), 1)
				img.SetGray(left+x, top+y, color.Gray{Y: uint8(255*v + 0.5)})
			}
		}
	}
	return writePNG(path, sheet{img})
}
