package mine

import (
	"sync"

	"gomine/mine/backend"
	"gomine/mine/preprocess"
)

// fits are what the maps of a fold by all methods have in common.
type fits struct {
	once sync.Once
	fits *preprocess.Fits
	err  error
}

// inputs are the rows of a fold as one method of preprocessing makes them.
type inputs struct {
	fitting, applying sync.Once
	maps              preprocess.Maps
	x, z              backend.Matrix
	fitErr, applyErr  error
}

type inputsKey struct {
	fold   int
	method preprocess.Method
}

// fit returns the inputs of a fold with their maps, fitted when they are first asked for.
func (t *fitter) fit(f int, method preprocess.Method) (*inputs, error) {
	t.mu.Lock()
	key := inputsKey{f, method}
	in, common := t.inputs[key], t.fits[f]
	if in == nil {
		in = &inputs{}
		t.inputs[key] = in
	}
	if common == nil {
		common = &fits{}
		t.fits[f] = common
	}
	t.mu.Unlock()
	in.fitting.Do(func() {
		common.once.Do(func() { common.fits, common.err = t.pairs.FitAll(t.folds[f].train...) })
		if in.fitErr = common.err; in.fitErr == nil {
			in.maps, in.fitErr = common.fits.Maps(method)
		}
	})
	return in, in.fitErr
}

// adopt takes over, as maps of fold to, those that another fitter has fitted to the training rows of its
// first fold, which may be more: of fewer, codes would be rare that are not.
func (t *fitter) adopt(other *fitter, to int) {
	t.fits[to] = other.fits[0]
	for key, from := range other.inputs {
		t.inputs[inputsKey{to, key.method}] = from.unapplied()
	}
}

// unapplied returns the maps without the rows.
func (from *inputs) unapplied() *inputs {
	in := &inputs{maps: from.maps, fitErr: from.fitErr}
	in.fitting.Do(func() {})
	return in
}

// share takes over the rows of fold f, too, for the methods that are needed, from another fitter whose first
// fold has the same ones.
func (t *fitter) share(other *fitter, f int, needed map[preprocess.Method]bool) {
	for key, in := range other.inputs {
		if needed[key.method] {
			t.inputs[inputsKey{f, key.method}] = in
		}
	}
}

// open returns the inputs of a fold with their rows, made when they are first asked for.
// If last is true, memory that was given for that is overwritten.
func (t *fitter) open(f int, method preprocess.Method, last bool) (*inputs, error) {
	in, err := t.fit(f, method)
	if err != nil {
		return nil, err
	}
	in.applying.Do(func() { in.x, in.z, in.applyErr = t.pairs.Apply(in.maps, last, t.folds[f].rows()...) })
	return in, in.applyErr
}

// close forgets the inputs of a fold, unless there is only one: its rows may be gone. The maps are kept where they are needed again.
func (t *fitter) close(f int, again bool) {
	if len(t.folds) == 1 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.fits, f)
	for key, in := range t.inputs {
		switch {
		case key.fold != f:
		case again:
			t.inputs[key] = in.unapplied()
		default:
			delete(t.inputs, key)
		}
	}
}
