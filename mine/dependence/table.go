package dependence

import (
	"gomine/mine/column"
)

// Memories are those of the scores of a column and of their size, as far as they vary and are not
// decided by a few rows: what Find compares of each column. values are in the order of rows.
func Memories(values []float64) []Memory {
	if len(values) < leastRows {
		return nil
	}
	s := series{values: values, parts: []int{len(values)}}
	s.remember(1)
	return s.memory
}

// Between is how many rows an independent one is worth where a column of memories a meets one of
// memories b: the largest [Joint] of those that are significant, 1 where none are or it does
// not matter. unending is whether both reach as far as was looked: no number is large enough
// then.
func Between(a, b []Memory) (factor float64, unending bool) {
	factor = 1
	for _, p := range a {
		for _, q := range b {
			if p.Significant && q.Significant {
				factor = max(factor, Joint(p, q))
				unending = unending || p.Unending && q.Unending
			}
		}
	}
	if factor < material {
		return 1, false
	}
	return factor, unending
}

// SortedBy returns the column by which the rows of a table were sorted, or put together, given which no other
// column has a memory. Of very many other columns, some are looked at, as Find does. It is -1 where there
// is none.
func SortedBy(s column.Source) (int, error) {
	columns := s.Columns()
	if s.Rows() < leastRows || len(columns) < 2 {
		return -1, nil
	}
	w := windowsOf(s.Rows())[0]
	var others []series
	for j := range columns {
		var by series
		if err := by.read(s, j, w); err != nil {
			return -1, err
		}
		if !by.inOrder() {
			continue
		}
		if others == nil {
			var err error
			if others, err = look(s, w); err != nil {
				return -1, err
			}
		}
		if explains([]series{by}, without(others, j, len(columns))) {
			return j, nil
		}
	}
	return -1, nil
}

// without leaves out, of the columns that look has chosen among count, column j.
func without(looked []series, j, count int) []series {
	var all []series
	for i, s := range looked {
		if i*count/len(looked) != j {
			all = append(all, s)
		}
	}
	return all
}
