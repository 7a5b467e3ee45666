//go:build cuda

package cuda

import (
	"errors"

	"gomine/cuda/internal/driver"
	"gomine/cuda/internal/kernel"
)

// clip is what a step that clips its gradient needs: first the whole gradient, then
// its length, then the update.
type clip struct {
	plan     *plan          // whose only part of every block is the gradient
	segments driver.Pointer // of that
	squares  driver.Pointer // sums of squares by block
}

func newClip(t *trainer) (*clip, error) {
	c := &clip{plan: newPlan(t.layout)}
	for _, b := range t.layout.blocks {
		c.plan.parts[b.id()] = part{offset: b.start, count: 1}
	}
	var err error
	if err = c.plan.open(t.memory); err != nil {
		return nil, err
	}
	c.plan.partials = t.grad
	if c.segments, err = c.plan.segments(t.memory, c.plan.sum); err != nil {
		return nil, err
	}
	c.squares, err = t.memory.Alloc("squares of the gradient", 8*momentBlocks)
	return c, err
}

// update queues the update of step i along the gradient in t.grad, shortened if it is
// too long.
func (c *clip) update(t *trainer, i int) error {
	return errors.Join(
		kernel.Squares(t.stream, driver.Dim{X: momentBlocks, Y: 1, Z: 1}, 0, kernel.SquaresArgs{
			Partial: c.squares, Grad: t.grad, N: t.layout.size,
		}),
		kernel.Clip(t.stream, driver.Dim{X: 1, Y: 1, Z: 1}, 0, kernel.ClipArgs{
			Control: t.control, Partial: c.squares, Clock: t.clock, I: i, Limit: t.spec.ClipNorm,
		}),
		c.plan.adam(t.stream, &t.parameters, 0, c.segments, t.control, t.clock, i, adamOf(t.spec.Adam)))
}
