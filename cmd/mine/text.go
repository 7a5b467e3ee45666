package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"gomine/mine"
)

// A unit of information.
type unit string

const (
	nats unit = "nats"
	bits unit = "bits"
)

func (u unit) of(nats float64) float64 {
	if u == bits {
		return mine.Bits(nats)
	}
	return nats
}

// decimals is the number of digits after the point with which a value of
// standard error se is worth printing: two digits of the error if they are
// below 40, else one, so that rounding adds at most an eighth of it; no more than mostDecimals.
func decimals(se float64) int {
	if !(se > 0) || math.IsInf(se, 1) {
		return 3
	}
	exponent := math.Floor(math.Log10(se))
	digits := -int(exponent)
	if se/math.Pow(10, exponent) < 4 {
		digits++
	}
	return min(max(digits, 0), mostDecimals)
}

// mostDecimals suffice for some 1e8 rows: smaller errors are those of critics that say nothing.
const mostDecimals = 5

// fixedBy prints numbers of a table with the decimals that a standard error in nats is worth.
func fixedBy(stdErr float64, u unit) func(nats float64) string {
	digits := decimals(u.of(stdErr))
	return func(nats float64) string { return fixed(u.of(nats), digits) }
}

// fixed prints v with the given number of decimals, and zero without a sign.
func fixed(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-")
	}
	return s
}

// percent prints a level such as 0.95 as 95%.
func percent(level float64) string {
	return strconv.FormatFloat(100*level, 'g', 6, 64) + "%"
}

// grouped prints n with commas between groups of three digits.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural prints a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}

// seconds prints a duration as people say it.
func seconds(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// wrap joins words to lines of at most width characters.
func wrap(words []string, width int) []string {
	var lines []string
	for _, word := range words {
		last := len(lines) - 1
		if last >= 0 && len(lines[last])+1+len(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// pathCause drops the operation and path that package os puts before a cause,
// where the message names the file already.
func pathCause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
