package lagged

// Cut cuts the series into blocks of some length with gaps between them, so that windows of
// different blocks are more than gap rows apart. Where gap is K+H-1 or more they share no row. A
// series that is not as long as two blocks and a gap is one block.
//
// It returns the windows that are in no gap, and the number of the block of each, from 0. Whether
// they are in one is a matter of t.
func (w *Windows) Cut(length, gap int) (kept *Windows, blocks []int) {
	c := *w
	c.starts = nil
	begin, next, i := 0, 0, 0
	for _, end := range w.ends {
		span := end - begin // places where t can be
		count := max(1, (span+gap)/(length+gap))
		border := func(b int) int { return begin + b*(span+gap)/count }
		for b := range count {
			before := len(c.starts)
			stop := border(b+1) - gap
			for ; i < len(w.starts) && w.starts[i] < min(stop+gap, end); i++ {
				if w.starts[i] < stop {
					c.starts, blocks = append(c.starts, w.starts[i]), append(blocks, next)
				}
			}
			if len(c.starts) > before {
				next++
			}
		}
		begin = end
	}
	return &c, blocks
}
