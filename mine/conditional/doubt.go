package conditional

import (
	"context"
	"fmt"
	"strings"

	"gomine/mine"
	"gomine/mine/column"
	"gomine/mine/neighbours"
	"gomine/mine/sampling"
)

const (
	// mostColumns is how many columns nearest neighbours are asked about, and mostNeighbours how many rows.
	mostColumns, mostNeighbours = 8, 10_000
	// leastShared is the information, in nats, from which on the condition counts as telling of a residual.
	leastShared = 0.02
)

// doubts asks nearest neighbours what y tells of u and of v, where there are few columns. FormChances tell y whatever
// they are worth, and are not asked about: then the other side decides.
func doubts(ctx context.Context, u, v *residuals, y column.Source, seed uint64) ([]mine.Warning, error) {
	var texts []string
	for _, side := range []struct {
		name string
		*residuals
	}{{"x", u}, {"z", v}} {
		var asked []int
		for k, j := range side.from {
			if side.shapes[j].form != FormChances {
				asked = append(asked, k)
			}
		}
		if asked == nil {
			continue
		}
		s := column.Select(side.residuals, asked...)
		if len(asked)+len(y.Columns()) > mostColumns {
			return nil, nil
		}
		some := someRows(s.Rows(), mostNeighbours, seed)
		told, err := neighbours.Estimate(ctx, column.Pick(s, some), column.Pick(y, some), neighbours.Options{Neighbours: neighbours.Usual, Seed: seed})
		if err != nil {
			return nil, err
		}
		if told.Estimate < max(leastShared, deviations*told.StdErr) {
			return nil, nil
		}
		texts = append(texts, fmt.Sprintf("%.2f nats of what is left of %s", told.Estimate, side.name))
	}
	if texts == nil {
		return nil, nil
	}
	return []mine.Warning{{Code: WarnShared, Message: fmt.Sprintf(
		"by nearest neighbours the condition still tells %s: what both share with it may have been taken for dependence, and the p-value is in doubt", strings.Join(texts, " and "))}}, nil
}

// someRows draws rows of n, the first most of a permutation.
func someRows(n, most int, seed uint64) []int {
	order := sampling.NewPermutation(uint64(n), seed, sampling.StreamSplit, 0)
	rows := make([]int, min(n, most))
	for k := range rows {
		rows[k] = int(order.At(uint64(k)))
	}
	return rows
}
