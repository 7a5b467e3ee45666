package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// turned is a text whose lines are columns, all of which are in memory.
type turned struct {
	names   []string
	named   bool // by the first fields of the lines
	columns []line
	rows    int
}

// line is a line that is a column.
type line struct {
	values []float64           // NaN where there is none
	bad    map[int]*ValueError // what is there instead, by row
}

// transpose reads the text, of which s is the beginning.
func transpose(t *text, s sniffed, opt Options) (*turned, error) {
	t.number = s.notation(t.csv.Comma, opt)
	named := opt.Header == HeaderYes
	if opt.Header == HeaderAuto {
		named = slices.ContainsFunc(append(slices.Clone(s.rows), s.first), func(rec []string) bool { return t.number.kind(rec[0]) == kindText })
	}
	turned := &turned{named: named}
	for rec, err := s.first, error(nil); err != io.EOF; rec, err = t.next() {
		if err != nil {
			return nil, err
		}
		if len(turned.columns) == maxColumns {
			return nil, fmt.Errorf("line %d: at most %d lines can be columns", t.line(0), maxColumns)
		}
		if err := turned.add(t, rec); err != nil {
			return nil, err
		}
	}
	if turned.rows == 0 {
		return nil, errors.New("no data rows: the lines have no numbers")
	}
	return turned, nil
}

// add adds a line.
func (t *turned) add(from *text, rec []string) error {
	at := from.line(0)
	name := strconv.Itoa(len(t.columns))
	if t.named {
		name, rec = strings.Clone(strings.TrimSpace(rec[0])), rec[1:]
	}
	rec = rec[:used([][]string{rec})]
	if len(t.columns) == 0 {
		t.rows = len(rec)
	}
	if len(rec) != t.rows {
		return fmt.Errorf("line %d: expected %d values, found %d: complete the line, or choose another separator", at, t.rows, len(rec))
	}
	l := line{values: make([]float64, len(rec)), bad: make(map[int]*ValueError)}
	for i, field := range rec {
		v, bad := from.number.parse(field)
		if bad != nil {
			bad.Line, bad.Row, bad.Column = at, i+1, name
			v, l.bad[i] = math.NaN(), bad
		}
		l.values[i] = v
	}
	t.columns, t.names = append(t.columns, l), append(t.names, name)
	return nil
}

func (t *turned) rowHint(context.Context, int) (int, error) { return t.rows, nil }

func (t *turned) each(ctx context.Context, p *pass) error {
	row := make([]float64, len(p.cols))
	for i := p.from; i < min(t.rows, p.to); i++ {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return fmt.Errorf("stopped at row %d: %w", i+1, ctx.Err())
		}
		for k, c := range p.cols {
			v, bad := t.columns[c].at(i, p, k)
			if bad != nil {
				bad.orCodes(c)
				if err := p.bad(k, bad); err != nil {
					return err
				}
				v = math.NaN()
			}
			row[k] = v
		}
		p.add(row)
	}
	return nil
}

// at returns value i of a line, which is cols[k] of p, or what is there instead.
func (l line) at(i int, p *pass, k int) (float64, *ValueError) {
	bad := l.bad[i]
	switch {
	case p.holdsCodes(k) && bad == nil:
		return p.codes[k].codeOf(l.values[i])
	case p.holdsCodes(k) && !bad.Missing:
		v, worse := p.codes[k].code(0, bad.Text)
		if worse != nil {
			worse.Line, worse.Row, worse.Column = bad.Line, bad.Row, bad.Column
		}
		return v, worse
	}
	return l.values[i], bad
}

func (t *turned) close() error { return nil }
