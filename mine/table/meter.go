package table

import (
	"io"
	"time"
)

// meter counts the bytes that are read from the file and reports them.
type meter struct {
	r           io.Reader
	at          io.ReaderAt
	done, total int64 // total is -1 if unknown
	last        time.Time
	report      func(done, total int64) // nil until Read
}

func newMeter(in io.Reader, section *io.SectionReader) *meter {
	m := &meter{r: in, total: -1}
	if section != nil {
		m.at, m.total = section, section.Size()
	}
	return m
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.count(n)
	return n, err
}

// ReadAt reads from the section that newMeter was given.
func (m *meter) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.at.ReadAt(p, off)
	m.count(n)
	return n, err
}

func (m *meter) count(n int) {
	m.done += int64(n)
	if m.report == nil {
		return
	}
	if now := time.Now(); now.Sub(m.last) >= 100*time.Millisecond {
		m.last = now
		m.report(m.done, m.total)
	}
}

// finish reports the end; columns that were skipped count as read.
func (m *meter) finish() {
	if m.report == nil {
		return
	}
	if m.total >= 0 {
		m.done = m.total
	}
	m.report(m.done, m.total)
}
