package backendtest

import (
	"fmt"
	"slices"

	"gomine/mine/backend"
	"gomine/mine/objective"
	"gomine/mine/sampling"
)

var batchRules = []rule{
	{
		name:  "batch",
		text:  "a step takes the rows of sampling.Batches.Rows and the cycle of sampling.Batches.Marginal",
		cases: func() []testCase { return eachBatch(checkBatch) },
	},
	{
		name:  "derangement",
		text:  "next is one cycle through all entries of the batch: no joint pair is among the marginal ones",
		cases: func() []testCase { return eachBatch(checkDerangement) },
	},
	{
		name:  "epochs",
		text:  "every epoch visits each training row once",
		cases: func() []testCase { return eachBatch(checkEpochs) },
	},
}

// eachBatch makes a case of check for training ranges that hold a batch once,
// a whole number of times or neither.
func eachBatch(check func(t backend.Trainer, p *problem) error) []testCase {
	var cases []testCase
	for _, size := range []struct{ rows, batch int }{
		{2, 2}, {3, 2}, {3, 3}, {31, 3}, {33, 32}, {64, 32}, {65, 33}, {100, 7}, {257, 64}, {257, 65},
		{256, 255}, {256, 256}, {300, 257}, {1000, 31},
	} {
		cases = append(cases, testCase{fmt.Sprintf("n=%d,batch=%d", size.rows, size.batch), func(s subject) error {
			p := newProblem(shape{2, 1, []int{3}, size.batch}, backend.ELU, objective.DV, uint64(size.rows))
			p.x, p.z = backend.NewMatrix(size.rows+9, 2), backend.NewMatrix(size.rows+9, 1)
			p.train = backend.Rows{Lo: 5, Hi: 5 + size.rows}
			t, err := p.start(s)
			if err != nil {
				return err
			}
			defer t.close()
			return check(t, p)
		}})
	}
	return cases
}

// checkBatch looks at three epochs and at steps that 32-bit arithmetic, or
// that of a step times a batch, would get wrong.
func checkBatch(t backend.Trainer, p *problem) error {
	n, size := p.train.Len(), p.spec.Batch
	steps := []uint64{1 << 20, 1<<32 - 1, 1 << 32, 1<<33 + 5, 1 << 40}
	for step := range uint64(3*n/size + 2) {
		steps = append(steps, step)
	}
	reference := sampling.NewBatches(n, size, p.spec.Seed)
	want := make([]int32, size)
	for _, step := range steps {
		rows, next, err := t.Batch(step)
		if err != nil {
			return err
		}
		if len(rows) != size || len(next) != size {
			return fmt.Errorf("step %d has %d rows and %d successors, want %d", step, len(rows), len(next), size)
		}
		reference.Rows(step, 0, want)
		cycle := reference.Marginal(step)
		for i := range size {
			if rows[i] != int(want[i]) {
				return fmt.Errorf("step %d: rows[%d] = %d, want %d", step, i, rows[i], want[i])
			}
			if successor := int(cycle.Next(uint64(i))); next[i] != successor {
				return fmt.Errorf("step %d: next[%d] = %d, want %d", step, i, next[i], successor)
			}
		}
	}
	return nil
}

func checkDerangement(t backend.Trainer, p *problem) error {
	for step := range uint64(20) {
		_, next, err := t.Batch(step)
		if err != nil {
			return err
		}
		i := 0
		for length := 1; ; length++ {
			if next[i] < 0 || next[i] >= len(next) {
				return fmt.Errorf("step %d: next[%d] = %d in a batch of %d", step, i, next[i], len(next))
			}
			if i = next[i]; i == 0 {
				if length != len(next) {
					return fmt.Errorf("step %d: the cycle through entry 0 has length %d, want %d", step, length, len(next))
				}
				break
			}
			if length == len(next) {
				return fmt.Errorf("step %d: entry 0 is not on a cycle", step)
			}
		}
	}
	return nil
}

// checkEpochs cuts the rows of consecutive batches into epochs.
func checkEpochs(t backend.Trainer, p *problem) error {
	const epochs = 3
	n := p.train.Len()
	var visited []int
	for step := uint64(0); len(visited) < epochs*n; step++ {
		rows, _, err := t.Batch(step)
		if err != nil {
			return err
		}
		visited = append(visited, rows...)
	}
	var previous []int
	for epoch := range epochs {
		order := visited[epoch*n : (epoch+1)*n]
		sorted := slices.Sorted(slices.Values(order))
		for i, row := range sorted {
			if row != i {
				return fmt.Errorf("epoch %d visits row %d when row %d is due in ascending order", epoch, row, i)
			}
		}
		// The chance that two independent orders of 31 rows are equal is 1e-34.
		if n >= 31 && slices.Equal(order, previous) {
			return fmt.Errorf("epoch %d has the order of epoch %d", epoch, epoch-1)
		}
		previous = order
	}
	return nil
}
