package mine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

const (
	// leastHeld is the number of training rows up to which all are in memory, however few of them
	// training takes.
	leastHeld = 1 << 20
	// leastChunk is the fewest training rows at a time that a limit of the memory may leave, of
	// more: a hundred batches of the usual size.
	leastChunk = 1 << 16
	// rowShare is the part of Config.Memory that rows as they are may take, and as inputs may take.
	// What is left is for scores, the backend and the program.
	rowShare = 3
)

// held is how many training rows are in memory at a time.
func (c RowCounts) held() int {
	if c.Chunk > 0 {
		return c.Chunk
	}
	return c.Train
}

// hold returns the fold with so many training rows in memory at a time, the first ones to begin
// with; with itself where that is all.
func (f fold) hold(chunk int) fold {
	if chunk < f.counts.Train {
		f.counts.Chunk = chunk
		f.train = first(f.train, chunk)
	}
	return f
}

// gathered returns the fold with the positions that its rows have among copies of them, where one
// part stands behind the other.
func (f fold) gathered() fold {
	c := f.counts
	f.behind = c.Train - c.held()
	f.train = []preprocess.Range{{Lo: 0, Hi: c.held()}}
	f.validation = []preprocess.Range{{Lo: c.held(), Hi: c.held() + c.Validation}}
	f.test = []preprocess.Range{{Lo: c.held() + c.Validation, Hi: c.held() + c.Validation + c.Test}}
	return f
}

// leastHeld is the fewest of train training rows to hold at a time: with two batches at least, equal
// parts of them have one.
func (c Config) leastHeld(train int) int { return min(train, max(leastChunk, 2*c.Batch)) }

// split returns positions of the validation or test rows in the order of all rows.
func (f fold) split(ranges []preprocess.Range) []preprocess.Range {
	all := slices.Clone(ranges)
	for i := range all {
		all[i].Lo, all[i].Hi = all[i].Lo+f.behind, all[i].Hi+f.behind
	}
	return all
}

// chunkOf is how many of train training rows to hold where there is room for most, in whole
// batches: no more than all steps take, and otherwise an equal part of them, so that few are left
// over at the end.
func (c Config) chunkOf(train, most int) int {
	batches := func(rows int) int { return (rows + c.Batch - 1) / c.Batch * c.Batch }
	if wanted := batches(max(leastHeld, c.Steps*c.Batch)); wanted <= min(train, most) {
		return wanted
	}
	if train <= most {
		return train
	}
	chunks := (train + most - 1) / most
	return train / chunks / c.Batch * c.Batch
}

// place puts the rows in the order that they are split in, as many as are needed at a time. Where
// Config.Memory is no limit and training takes them all, they are all there.
func (e *Estimator) place(x, z column.Source) (err error) {
	train, most := e.folds[0].counts.Train, math.MaxInt
	if e.cfg.Memory != AllMemory {
		if most, err = e.room(x, z); err != nil {
			return err
		}
	}
	chunk := train
	if len(e.folds) == 1 {
		chunk = e.cfg.chunkOf(train, most)
	}
	if e.cfg.Memory == AllMemory && chunk == train {
		e.pairs, err = preprocess.Arrange(x, z, e.arranged.order)
		return err
	}
	if e.ordered, err = preprocess.NewOrdered(x, z, e.arranged.order); err != nil {
		return err
	}
	ranges := []preprocess.Range{{Lo: 0, Hi: e.arranged.rows}}
	if chunk < train {
		e.folds[0] = e.folds[0].hold(chunk)
		ranges = e.folds[0].rows()
		e.folds[0] = e.folds[0].gathered()
	}
	if e.pairs, err = e.ordered.Gather(ranges...); e.cfg.Memory == AllMemory {
		e.ordered = preprocess.Ordered{} // there is enough for all steps
	}
	return err
}

// orderBytes is the memory, a row, of the order in which rows are split.
var orderBytes = map[SplitKind]int{SplitRandom: 0, SplitBlocks: 5, SplitGroups: 48, SplitRepeats: repeatBytes}

// repeatBytes is the memory, a row, that it takes to know which rows are equal.
const repeatBytes = 96

// room is how many training rows Config.Memory has room for. It is an error if these are too few,
// or if there are several folds, whose training rows are not one range, and not room for all.
func (e *Estimator) room(x, z column.Source) (most int, err error) {
	c := e.folds[0].counts
	bytes := 8 // of a row, where the rows to be copied are listed
	for _, s := range []column.Source{x, z} {
		b, err := preprocess.RowBytes(s)
		if err != nil {
			return 0, err
		}
		bytes += b
	}
	order := x.Rows() * orderBytes[e.arranged.Kind]
	most = (int(e.cfg.Memory)/rowShare - order) / bytes
	least := rowShare * (order + bytes*(e.cfg.leastHeld(c.Train)+c.Validation+c.Test))
	if len(e.folds) > 1 {
		all := rowShare * (order + bytes*e.arranged.rows)
		if most >= e.arranged.rows {
			return most, nil
		}
		return 0, e.oneFold(fmt.Sprintf("at least %v for %d rows in %d folds, or fewer rows", Bytes(all).rounded(), e.arranged.rows, len(e.folds)))
	}
	if most -= c.Validation + c.Test; most < e.cfg.leastHeld(c.Train) {
		return 0, e.tooLittle(least)
	}
	return most, nil
}

// tooLittle is the error about too little memory for one fold.
func (e *Estimator) tooLittle(least int) error {
	c := e.folds[0].counts
	return &FieldError{Field: "memory", Value: e.cfg.Memory,
		Want: fmt.Sprintf("at least %v for %d training rows at a time, %d that validate and %d that are tested on, or fewer rows",
			Bytes(least).rounded(), e.cfg.leastHeld(c.Train), c.Validation, c.Test),
		Or: "test_fraction", How: "a smaller %s"}
}

// oneFold is the error about too little memory for several folds, where one may need less.
func (e *Estimator) oneFold(want string) error {
	err := &FieldError{Field: "memory", Value: e.cfg.Memory, Want: want}
	if train := int(float64(e.arranged.rows) * (1 - e.cfg.ValidationFraction - e.cfg.TestFraction)); e.cfg.leastHeld(train) < train {
		err.Or, err.How = "folds", "%s 1, of which fewer training rows are in memory at a time"
	}
	return err
}

// narrow holds fewer training rows where what they become by the methods would take too much
// memory: columns of codes become many inputs each. It reports whether it did. Of several folds it is
// an error.
func (e *Estimator) narrow(t *fitter, methods map[preprocess.Method]bool) (bool, error) {
	if e.cfg.Memory == AllMemory {
		return false, nil
	}
	inputs, err := t.inputsOf(methods)
	if err != nil {
		return false, err
	}
	c := e.folds[0].counts
	others := c.Validation + c.Test
	bytes := 4 * inputs
	if side := min(len(e.folds), len(t.backends)); len(e.folds) > 1 && (c.Train+others)*bytes*side > int(e.cfg.Memory)/rowShare {
		of, fewer := "a fold", ""
		if side > 1 {
			of, fewer = fmt.Sprintf("%d folds side by side", side), "threads or "
		}
		return false, e.oneFold(fmt.Sprintf("at least %v for the %d inputs a row of %s, or fewer %srows",
			Bytes(rowShare*(c.Train+others)*bytes*side).rounded(), inputs, of, fewer))
	}
	if len(e.folds) > 1 || (c.held()+others)*bytes <= int(e.cfg.Memory)/rowShare && (c.Chunk == 0 || c.Chunk >= e.cfg.Steps*e.cfg.Batch) {
		return false, nil
	}
	bytes += 4 * inputs / len(methods) // where the next chunk comes to
	most := int(e.cfg.Memory)/rowShare/bytes - others
	if most >= c.held() {
		return false, nil
	}
	if least := e.cfg.leastHeld(c.Train); most < least {
		return false, e.tooLittle(rowShare * bytes * (least + others))
	}
	// The inputs of the rows as they were gathered: of the first training rows, and of all others.
	f := e.folds[0]
	f.train = first(f.train, e.cfg.chunkOf(c.Train, most))
	f.counts.Chunk = f.train[0].Hi
	e.folds[0], t.folds[0] = f, f
	return true, nil
}

// inputsOf returns how many inputs a row becomes by all of the methods, on the first fold where both sides vary.
func (t *fitter) inputsOf(methods map[preprocess.Method]bool) (inputs int, err error) {
	err = varying(len(t.folds), func(f int) error {
		inputs = 0
		for method := range methods {
			in, err := t.fit(f, method)
			if err != nil {
				return err
			}
			inputs += in.maps.X.Inputs() + in.maps.Z.Inputs()
		}
		return nil
	})
	return inputs, err
}

// varying uses the first of so many folds where both sides vary: use says of the others that a side is constant.
func varying(folds int, use func(f int) error) (err error) {
	for f := range folds {
		if err = use(f); !errors.Is(err, preprocess.ErrConstant) {
			break
		}
	}
	return err
}

// methodsOf are those of the candidates, and of the reference if there is one.
func (c Config) methodsOf(candidates []int, reference preprocess.Method) map[preprocess.Method]bool {
	all := map[preprocess.Method]bool{}
	for _, i := range candidates {
		all[c.Candidates[i].Preprocess] = true
	}
	if c.Reference {
		all[reference] = true
	}
	return all
}

// A supply brings the chunks of the training rows to a critic in training, one after the other,
// each for as many steps as take all of its rows once.
type supply struct {
	rows  preprocess.Ordered
	maps  preprocess.Maps
	x, z  backend.Matrix // the rows of a chunk, and those that validate
	data  backend.Data
	chunk int // rows
	count int // of chunks
	steps int // that a chunk is there for
	at    int // which one is there
}

// load loads the rows of a fold or, where its steps take more training rows than are there, its first
// chunk, with a supply of the others.
func (t *fitter) load(b backend.Backend, in *inputs, c foldCounts) (*supply, backend.Data, error) {
	if c.Chunk == 0 || t.cfg.Steps*t.cfg.Batch <= c.Chunk {
		data, err := b.Load(in.x, in.z)
		return nil, data, err
	}
	s := &supply{rows: t.ordered, maps: in.maps, chunk: c.Chunk, count: c.Train / c.Chunk, steps: c.Chunk / t.cfg.Batch}
	s.x, s.z = headOf(in.x, c.Chunk+c.Validation), headOf(in.z, c.Chunk+c.Validation)
	var err error
	s.data, err = b.Load(s.x, s.z)
	return s, s.data, err
}

// headOf returns a copy of the first n rows.
func headOf(m backend.Matrix, n int) backend.Matrix {
	some := backend.NewMatrix(n, m.Cols)
	for i := range n {
		copy(some.Row(i), m.Row(i))
	}
	return some
}

// bring brings the chunk of a step, and returns for how many steps it is there.
func (s *supply) bring(step int) (left int, err error) {
	left = s.steps - step%s.steps
	k := step / s.steps % s.count
	if k == s.at {
		return left, nil
	}
	if err := s.rows.Apply(s.maps, preprocess.Range{Lo: k * s.chunk, Hi: (k + 1) * s.chunk}, s.x, s.z); err != nil {
		return 0, err
	}
	s.at = k
	return left, s.data.Replace(s.x, s.z)
}

// interruptible is a source of which nothing is read any more once a context has ended.
type interruptible struct {
	column.Source
	ctx context.Context
}

func (s interruptible) Read(dst []float64, lo, hi, from, to int) error {
	if err := s.ctx.Err(); err != nil {
		return fmt.Errorf("mine: preparing: %w", err)
	}
	return s.Source.Read(dst, lo, hi, from, to)
}
