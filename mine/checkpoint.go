package mine

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"gomine/internal/checkpoint"
	"gomine/internal/shard"
	"gomine/mine/backend"
	"gomine/mine/column"
)

// checkpointVersion is that of the form of a checkpoint and of what training makes of it.
const checkpointVersion = 1

// A manifest says what the checkpoints of a folder are of: all that a bit of the critics
// depends on.
type manifest struct {
	Version int      `json:"version"`
	Program string   `json:"program"`
	Backend string   `json:"backend"`
	Device  string   `json:"device"`
	Rows    int      `json:"rows"`
	X       []string `json:"x"` // names of the columns
	Z       []string `json:"z"`
	Data    string   `json:"data"` // see fingerprint
	Config  Config   `json:"config"`
}

// newManifest is that of data that have not been used in place yet; the configuration, which the data may change, and
// what the estimate runs on are left open. It is empty where nothing is kept.
func newManifest(x, z column.Source, w wiring) (manifest, error) {
	if w.dir == "" {
		return manifest{}, nil
	}
	program, err := program()
	if err != nil {
		return manifest{}, checkpointError(err)
	}
	data, err := fingerprint(x, z, w)
	return manifest{
		Version: checkpointVersion, Program: program, Rows: x.Rows(),
		X: names(x.Columns()), Z: names(z.Columns()), Data: data,
	}, err
}

func names(columns []column.Column) []string {
	all := make([]string, len(columns))
	for j, c := range columns {
		all[j] = c.Name
	}
	return all
}

// program names the version of this module, the compiler and the processor: others may round
// otherwise. Where the version says too little, the program itself is hashed.
func program() (string, error) {
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		module, _, _ := strings.Cut(reflect.TypeFor[Config]().PkgPath(), "/mine")
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == module && m.Replace == nil { // else by what may have no version
				version = m.Version
			}
		}
	}
	if version == "" || version == "(devel)" || strings.HasSuffix(version, "+dirty") {
		path, err := os.Executable()
		if err != nil {
			return "", err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(content)
		version += fmt.Sprintf(" %x", sum[:8])
	}
	return fmt.Sprintf("%s %s %s", version, runtime.Version(), runtime.GOARCH), nil
}

// kindOf is the device without the number of threads, on which no bit depends.
func kindOf(device string) string {
	if _, kind, found := strings.Cut(device, " threads, "); found {
		return kind
	}
	return device
}

// fingerprint is half the SHA-256 of the rows, with their groups and what a row of these is worth, and
// the order and the units of another estimator.
func fingerprint(x, z column.Source, w wiring) (string, error) {
	sources := []column.Source{x, z, some(w.groups), column.Slices([]float64{w.worth})}
	if a := w.arranged; a != nil {
		order := make([]int, a.rows)
		for p := range order {
			order[p] = a.order(p)
		}
		sources = append(sources, some(order), some(a.ends))
	}
	digits, err := shard.Fingerprint(sources...)
	return digits[:len(digits)/2], err
}

// some is the source of numbers, nil where there are none.
func some(numbers []int) column.Source {
	if len(numbers) == 0 {
		return nil
	}
	return column.Slices(numbers)
}

// checkpoints keep the sessions of an estimate in a folder, each at validations, but not more
// often than every so long, and when it ends.
type checkpoints struct {
	folder *checkpoint.Folder // nil where they are not kept
	every  time.Duration
}

// checkpointError says that err is about a checkpoint.
func checkpointError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("mine: %w: %w", ErrCheckpoint, err)
}

// keep opens the folder for what m says, by a configuration, on a backend.
func (w *wiring) keep(m manifest, cfg Config, b backend.Backend) (checkpoints, error) {
	if w.dir == "" {
		return checkpoints{}, nil
	}
	m.Config, m.Backend, m.Device = cfg, b.Name(), kindOf(b.Device())
	folder, err := checkpoint.Open(w.dir, m)
	return checkpoints{folder, w.every}, checkpointError(err)
}

// resultName is the record of the result of an estimate that has ended by itself.
const resultName = "result"

// kept returns the result that an estimate of the same folder has kept, if one has. The time is that of
// coming to it now.
func (e *Estimator) kept() (r Result, found bool, err error) {
	if !e.keepsResult() {
		return r, false, nil
	}
	var text []byte
	if found, err = e.checkpoints.folder.Read(resultName, &text); err != nil || !found {
		return r, false, checkpointError(err)
	}
	if err = json.Unmarshal(text, &r); err != nil {
		return Result{}, false, checkpointError(err)
	}
	r.Device, r.Timing = e.device, Timing{Prepare: e.timing.Prepare}
	ofBatch := func(w Warning) bool { return w.Code == WarnBatch } // of what the other one asked for
	r.Warnings = slices.Concat(e.batchWarning(), slices.DeleteFunc(r.Warnings, ofBatch))
	return r, true, nil
}

// keep keeps a result, unless it has numbers that JSON cannot hold.
func (e *Estimator) keep(r Result) error {
	if !e.keepsResult() {
		return nil
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil
	}
	return checkpointError(e.checkpoints.folder.Write(resultName, text))
}

// keepsResult reports whether the manifest says all that a result depends on: not where the split is
// another estimator's, which has reasons of its own that the result repeats, nor where critics speak that
// are silent else.
func (e *Estimator) keepsResult() bool {
	return e.checkpoints.folder != nil && e.wiring.arranged == nil && !e.wiring.outspoken
}

// A record is all that a session goes on from after a validation: training is a pure function
// of this, the data and the manifest.
type record struct {
	Step  int
	Curve []Point
	Stale int
	Mark  float64

	BestStep              int
	BestBound, BestStdErr float64
	BestParams            []float32
	State                 backend.State
}

// A checkpointer keeps the record of one session.
type checkpointer struct {
	checkpoints
	name string
	last *record   // as of the last validation; nil where it is kept, or there is none
	kept time.Time // when one was
}

// of returns the checkpointer of a session, by what names it in the estimate.
func (c checkpoints) of(phase Phase, fold, slot int) *checkpointer {
	return &checkpointer{checkpoints: c, name: fmt.Sprintf("%s-%d-%d", phase, fold, slot), kept: time.Now()}
}

// restore takes a session to where its record has it, if there is one.
func (c *checkpointer) restore(s *session) error {
	if c.folder == nil {
		return nil
	}
	var r record
	if found, err := c.folder.Read(c.name, &r); err != nil || !found {
		return checkpointError(err)
	}
	best := snapshot{r.BestStep, r.BestBound, r.BestStdErr, r.BestParams}
	return s.resume(progress{step: r.Step, curve: r.Curve, best: best, stale: r.Stale, mark: r.Mark}, r.State)
}

// validated takes the record of a session that has just been validated, and keeps it if it is time.
func (c *checkpointer) validated(s *session) error {
	if c.folder == nil {
		return nil
	}
	state, err := s.trainer.State()
	if err != nil {
		return err
	}
	c.last = &record{
		Step: s.step, Curve: s.curve, Stale: s.stale, Mark: s.mark, State: state,
		BestStep: s.best.step, BestBound: s.best.validation, BestStdErr: s.best.stdErr, BestParams: s.best.params,
	}
	if time.Since(c.kept) < c.every {
		return nil
	}
	return c.keep()
}

// keep writes the last record, unless it is kept. One that cannot be written is not tried again.
func (c *checkpointer) keep() error {
	if c.last == nil {
		return nil
	}
	last := c.last
	c.last, c.kept = nil, time.Now()
	return checkpointError(c.folder.Write(c.name, last))
}
