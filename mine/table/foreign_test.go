package table

import (
	"strings"
	"testing"
)

// TestForeign gives files of formats that are not read: each is named, with what to do.
func TestForeign(t *testing.T) {
	for _, c := range []struct{ data, want, advice string }{
		{"[{\"x\": 1, \"z\": 2}]", "JSON", "CSV"},
		{" \n[\n [1, 2],\n [3, 4]\n]\n", "JSON", "CSV"},
		{"{\"x\": 1, \"z\": 2}\n{\"x\": 3, \"z\": 4}\n", "JSON lines", "CSV"},
		{"\ufeff{\"x\": [1, 2]}", "JSON", "CSV"},
		{"<!DOCTYPE html>\n<html><body>x, z</body></html>\n", "HTML", "browser"},
		{"\n <html lang=\"en\">\n", "HTML", "browser"},
		{"<table border=1><tr><td>1</td></tr></table>", "HTML", "browser"},
		{"<?xml version=\"1.0\"?>\n<r/>", "markup", "browser"},
		{"<!-- made today -->\n", "markup", "browser"},
		{"% a comment\n\n@RELATION r\n@attribute x numeric\n@data\n1,2\n", "ARFF", "@data"},
		{"%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n", "Matrix Market", "CSV"},
		{"\x80\x04\x95\x10\x00", "pickle", "numpy.save"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "XLS", "CSV"},
		{"BZh91AY&SY", "bzip2", "bzip2 -dc"},
		{"MATLAB 5.0 MAT-file, Platform", "MATLAB", "writematrix"},
		{"SQLite format 3\x00", "SQLite", "CSV"},
		{strings.Repeat("\x00", 257) + "ustar", "tar", "unpack"},
		{"\xff\xfe\x00\x001\x00\x00\x00", "UTF-32", "UTF-8"},
	} {
		for _, d := range deliveries {
			_, err := d.open(t, []byte(c.data), Options{})
			checkError(t, err, c.want, "not supported", c.advice)
		}
	}
	// These begin alike, and are data.
	for _, data := range []string{"<NA>,2\n1,2\n", "<5,z\n1,2\n", "</script>,z\n1,2\n", "ORCA,z\n1,2\n", "BZh,z\n1,2\n", "[x],[z]\n1,2\n"} {
		if _, err := readString(data, Options{Missing: MissingNaN}); err != nil {
			t.Errorf("%q: %v", data, err)
		}
	}
}
