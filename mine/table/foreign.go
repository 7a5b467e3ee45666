package table

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/text/encoding/unicode"
)

const (
	export = "export it to CSV or NPY, for example with pandas"
	unpack = "unpack it first, for example: %s -dc FILE | mine estimate -"
)

// foreignFormats are files that users of data tools have at hand; a text
// parser's complaint about them would help nobody.
var foreignFormats = []struct {
	at                  int
	magic, what, advice string
}{
	{0, "\x1f\x8b", "gzip data inside compressed data", "unpack it first"},
	{0, "\x28\xb5\x2f\xfd", "zstd data inside compressed data", "unpack it first"},
	{0, "\xfd7zXZ", "xz data", fmt.Sprintf(unpack, "xz")},
	{4, "1AY&SY", "bzip2 data", fmt.Sprintf(unpack, "bzip2")},
	{0, "\x04\x22\x4d\x18", "lz4 data", fmt.Sprintf(unpack, "lz4")},
	{0, "7z\xbc\xaf", "a 7-Zip archive", "unpack it first"},
	{0, "Rar!", "a RAR archive", "unpack it first"},
	{257, "ustar", "a tar archive", "unpack it first"},
	{0, "PARE", "an encrypted Parquet file", "write it without encryption"},
	{0, "FEA1", "a Feather file of version 1", "write it again, which makes it version 2"},
	{0, "Obj\x01", "an Avro file", export},
	{0, "\x89HDF", "an HDF5 or MATLAB 7.3 file", export},
	{512, "\x89HDF", "a MATLAB 7.3 file", "export it by writematrix or writetable"},
	{0, "MATLAB ", "a MATLAB file", "export it by writematrix or writetable"},
	{0, "CDF\x01", "a NetCDF file", export},
	{0, "CDF\x02", "a NetCDF file", export},
	{0, "%%MatrixMarket", "a matrix in the form of Matrix Market", export},
	{0, "SIMPLE  =", "a FITS file", export},
	{0, "SQLite format 3", "an SQLite database", "export a table to CSV: sqlite3 -header -csv FILE 'select ...'"},
	{0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a spreadsheet or document of Microsoft Office (XLS)", "save the sheet as CSV"},
	{0, "{\\rtf", "a text document (RTF)", "save it as plain text"},
	{0, "%PDF", "a PDF document", "get the data that it was made from"},
	{0, "\x89PNG", "a picture", "give a CSV, TSV or NPY file"},
	{0, "\xff\xd8\xff", "a picture", "give a CSV, TSV or NPY file"},
	{0, "$FL2", "an SPSS file", "save it as CSV"},
	{0, "$FL3", "an SPSS file", "save it as CSV"},
	{0, "<stata_dta>", "a Stata file", "save it by export delimited"},
	{84, "SAS FILE", "a SAS data set", "save it by proc export"},
	{0, "RDX2\n", "an R workspace", "save a data frame by write.csv"},
	{0, "RDX3\n", "an R workspace", "save a data frame by write.csv"},
	{0, "X\n\x00\x00\x00", "an R object (RDS)", "save a data frame by write.csv"},
	{0, "\x00\x00\xfe\xff", "UTF-32 text", "save it as UTF-8"},
	{0, "\xff\xfe\x00\x00", "UTF-32 text", "save it as UTF-8"},
}

// foreign returns an error if head begins a file of a format that is not read.
func foreign(head []byte) error {
	for _, f := range foreignFormats {
		if len(head) > f.at && bytes.HasPrefix(head[f.at:], []byte(f.magic)) {
			return unsupported(f.what, f.advice)
		}
	}
	if len(head) > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5 {
		return unsupported("a pickle of Python", "load it where it comes from, and save it by numpy.save or to_csv")
	}
	text := strings.TrimLeft(string(head[:min(len(head), 64<<10)]), "\ufeff \t\r\n")
	switch {
	case strings.HasPrefix(text, "{"):
		return unsupported("JSON or JSON lines", "write it as CSV, for example with jq, or pandas: read_json, to_csv")
	case strings.HasPrefix(text, "[") && strings.IndexAny(strings.TrimLeft(text[1:], " \t\r\n"), "[{\"-0123456789") == 0:
		return unsupported("JSON or a printed array", "write it as CSV, for example with jq, or pandas: read_json, to_csv")
	case strings.HasPrefix(text, "<") && len(text) > 1 && (text[1] == '!' || text[1] == '?'), isElement(text):
		return unsupported("HTML or other markup", "look at it in a browser: it may be a page that asks to sign in, or says what is wrong")
	}
	for line := range strings.Lines(text) {
		line = strings.ToLower(strings.TrimSpace(line))
		if line != "" && !strings.HasPrefix(line, "%") {
			if strings.HasPrefix(line, "@relation") {
				return unsupported("ARFF of Weka", "save it as CSV, or remove what comes before the data, with @data")
			}
			break
		}
	}
	return nil
}

func unsupported(what, advice string) error {
	return fmt.Errorf("is %s, which is not supported: %s", what, advice)
}

// isElement reports whether text begins with the tag of an element, such as <table>.
func isElement(text string) bool {
	rest, ok := strings.CutPrefix(text, "<")
	end := strings.IndexAny(rest, " >\t\r\n")
	return ok && end > 0 && !isMissing(text[:end+2]) && strings.Trim(strings.ToLower(rest[:end]), "abcdefghijklmnopqrstuvwxyz0123456789:-") == "" &&
		strings.IndexByte(rest, '>') >= 0
}

// isUTF16 reports whether head begins UTF-16 text, by its mark or because every other
// byte of its first characters is 0.
func isUTF16(head []byte) (unicode.Endianness, bool) {
	const characters = 3
	if len(head) < 2*characters || bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")) {
		return unicode.LittleEndian, len(head) >= 2 && len(head) < 2*characters && (string(head[:2]) == "\xff\xfe" || string(head[:2]) == "\xfe\xff")
	}
	zeros := [2]int{}
	for i, c := range head[:2*characters] {
		if c == 0 {
			zeros[i%2]++
		}
	}
	switch {
	case string(head[:2]) == "\xff\xfe", zeros == [2]int{0, characters}:
		return unicode.LittleEndian, true
	case string(head[:2]) == "\xfe\xff", zeros == [2]int{characters, 0}:
		return unicode.BigEndian, true
	}
	return unicode.LittleEndian, false
}
