package mine

import "gomine/mine/backend"

// critics is how many are trained after the race, at most.
func (e *Estimator) critics() int {
	return len(e.folds) * min(e.cfg.Survivors, len(e.cfg.Candidates)) * e.cfg.Networks
}

// A round is the first networks of all survivors on a fold, or the second ones, and so on.
type round struct{ network, fold int }

// A job is a network to train, or a reference to fit.
type job struct {
	round
	slot int // see Config.slot; referenceSlot for a reference
}

// referenceSlot is that of a reference among jobs.
const referenceSlot = -1

// jobs are those of all folds, first networks and references before second networks: where training ends early, more
// folds have something to say.
func (e *Estimator) jobs() []job {
	var all []job
	for network := range e.networks {
		for f := range e.folds {
			r := round{network, f}
			for _, c := range e.survivors {
				all = append(all, job{r, e.cfg.slot(c, network)})
			}
			if network == 0 {
				all = append(all, job{r, referenceSlot})
			}
		}
	}
	return all
}

// workers are the backends that work side by side at so many critics: small ones gain little from
// several processors, or from the whole of a large device. One critic alone, or one at a time where they take chunks of the rows in turn, is
// spread over all by the backend itself, and so is each where a backend cannot be divided.
func (e *Estimator) workers(critics int) []backend.Backend {
	d, ok := e.backend.(backend.Divider)
	if !ok || critics < 2 || len(e.folds) == 1 && e.cfg.Memory != AllMemory {
		return []backend.Backend{e.backend}
	}
	if e.parts[critics] == nil {
		parts, err := d.Divide(critics)
		if err != nil {
			return []backend.Backend{e.backend}
		}
		if e.parts == nil {
			e.parts = map[int][]backend.Backend{}
		}
		e.parts[critics] = parts
	}
	return e.parts[critics]
}
