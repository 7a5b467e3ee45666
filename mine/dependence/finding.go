package dependence

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"

	"gomine/mine/column"
)

// A Finding is what the order of rows says.
type Finding struct {
	// Serial is whether rows that are near each other are alike on both sides.
	Serial bool
	// Time is the correlation time of the rows, the smaller one of both sides'; 1 where
	// they are not Serial.
	Time float64
	// Effective is how many independent rows they are worth, by (1).
	Effective float64
	// Sorted is whether they are alike because they were put in the order of a column, given
	// which they do not depend on each other: then they are not Serial.
	Sorted bool
}

const (
	// level is how often one side of independent rows is called a series.
	level = 1e-4
	// material is the factor (1) below which what rows have in common does not matter: an
	// error 5% larger.
	material = 1.1
	// leastColumns is how many columns of a side are looked at, evenly spread, where there are as many: more
	// of fewer rows than mostRows, so that as many values are looked at. Two sides of 200 columns of
	// 1,000,000 rows take a core one second, three where a series does not end within.
	leastColumns = 64
	// mostRows is how many rows are looked at at a time: some stretches of neighbours and,
	// where what they have in common does not end within, as many from all over.
	mostRows  = 1 << 15
	stretches = 4
	// leastRows is where autocorrelations begin to say anything.
	leastRows = 50
	// heaviest is the kurtosis of a column, as a share of the rows, above which a few rows
	// decide its autocorrelations, whose chance is not normal then.
	heaviest = 0.005
	// gentle is a kurtosis that is never too large: normal values have 3, their sizes 3.9.
	gentle = 4
	// rounded is the variance, as a share of the squared mean, up to which values are those of a constant: sizes of
	// normal scores of two values, each of half the rows, are one number but for rounding.
	rounded = 1e-20
)

// Find looks at the order of the rows. Of very many it looks at those from all over too where what neighbours
// have in common does not end, which may be a rhythm that is not found there: then neighbours decide.
func Find(x, z column.Source) (Finding, error) {
	n := x.Rows()
	found := Finding{Time: 1, Effective: float64(n)}
	if n < leastRows {
		return found, nil
	}
	for _, w := range windowsOf(n) {
		sx, err := look(x, w)
		if err != nil {
			return found, err
		}
		sz, err := look(z, w)
		if err != nil {
			return found, err
		}
		f := judge(sx, sz)
		if !f.Serial {
			found.Sorted = f.Sorted
			break
		}
		// An autocorrelation every so many rows stands for those between.
		stride := float64(w.stride)
		found = Finding{Serial: true, Time: max(1, f.time*stride), Effective: float64(n) / max(1, f.factor*stride)}
		if !f.unending {
			break
		}
	}
	if found.Sorted {
		found = Finding{Time: 1, Effective: float64(n), Sorted: true}
	}
	return found, nil
}

// window is rows to look at: parts of them, every stride-th of each.
type window struct {
	parts  [][2]int
	stride int
}

// rows is how many they are.
func (w window) rows() (count int) {
	for _, p := range w.parts {
		count += (p[1] - p[0] + w.stride - 1) / w.stride
	}
	return count
}

// windowsOf are the rows to look at, of n.
func windowsOf(n int) []window {
	if n <= mostRows {
		return []window{{[][2]int{{0, n}}, 1}}
	}
	var near window
	near.stride = 1
	length := mostRows / stretches
	for i := range stretches {
		lo := i * (n - length) / (stretches - 1)
		near.parts = append(near.parts, [2]int{lo, lo + length})
	}
	return []window{near, {[][2]int{{0, n}}, (n + mostRows - 1) / mostRows}}
}

// Of is the memory of the ranks of one series, at a level (see NewMemory).
func Of(values []float64, level float64) Memory {
	if len(values) < leastRows {
		return Memory{}
	}
	return NewMemory(Autocorrelations([][]float64{scores(values)}, len(values)/4), len(values), level)
}

// A series is a column in the order of rows.
type series struct {
	values []float64 // as they are
	scores []float64 // the normal quantiles of their ranks
	parts  []int     // where the stretches end
	number bool
	memory []Memory // of the scores and of their size; nil for what does not vary
}

// lags is how many lags are looked at.
func (s series) lags() int { return s.parts[0] / 4 }

// look reads the columns of one side and finds their memory.
func look(src column.Source, w window) ([]series, error) {
	columns := src.Columns()
	count := min(len(columns), max(leastColumns, leastColumns*mostRows/w.rows()))
	all := make([]series, count)
	errs := make([]error, count)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(count, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				j := i * len(columns) / count
				all[i].number = columns[j].Kind != column.Code
				if errs[i] = all[i].read(src, j, w); errs[i] == nil {
					all[i].remember(count)
				}
			}
		})
	}
	for i := range count {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// read reads column j.
func (s *series) read(src column.Source, j int, w window) error {
	for _, p := range w.parts {
		if w.stride == 1 {
			part := make([]float64, p[1]-p[0])
			if err := src.Read(part, p[0], p[1], j, j+1); err != nil {
				return err
			}
			s.values = append(s.values, part...)
		} else {
			var v [1]float64
			for i := p[0]; i < p[1]; i += w.stride {
				if err := src.Read(v[:], i, i+1, j, j+1); err != nil {
					return err
				}
				s.values = append(s.values, v[0])
			}
		}
		s.parts = append(s.parts, len(s.values))
	}
	return nil
}

// remember finds the memory of the scores, and of their sizes, which are alike where a
// series is calm at one time and wild at another. columns is how many there are on the side.
func (s *series) remember(columns int) {
	s.scores = scores(s.values)
	sizes := make([]float64, len(s.scores))
	for i, v := range s.scores {
		sizes[i] = math.Abs(v)
	}
	for _, v := range [][]float64{s.scores, sizes} {
		if kurtosis(v) > max(gentle, heaviest*float64(len(v))) {
			continue
		}
		if r := Autocorrelations(s.split(v), s.lags()); r != nil {
			s.memory = append(s.memory, NewMemory(r, len(v), level/float64(2*columns)))
		}
	}
}

// split cuts values where the stretches end.
func (s *series) split(v []float64) [][]float64 {
	all := make([][]float64, len(s.parts))
	lo := 0
	for i, hi := range s.parts {
		all[i], lo = v[lo:hi], hi
	}
	return all
}

// scores returns the normal quantiles of the ranks, those of equal values being the same.
func scores(v []float64) []float64 {
	n := len(v)
	order := ordered(v)
	all := make([]float64, n)
	for lo := 0; lo < n; {
		hi := lo + 1
		for hi < n && v[order[hi]] == v[order[lo]] {
			hi++
		}
		q := distuv.UnitNormal.Quantile(float64(lo+hi) / 2 / float64(n))
		for _, i := range order[lo:hi] {
			all[i] = q
		}
		lo = hi
	}
	return all
}

// ordered returns the indices of the values in increasing order, those of equal values in
// a random one.
func ordered(v []float64) []int {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case v[a] < v[b]:
			return -1
		case v[a] > v[b]:
			return 1
		case mix(uint64(a)) < mix(uint64(b)):
			return -1
		}
		return 1
	})
	return order
}

// kurtosis is the mean fourth power of values less their mean, over their variance squared;
// +Inf for a constant.
func kurtosis(v []float64) float64 {
	var mean, two, four float64
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		d := (x - mean) * (x - mean)
		two += d / float64(len(v))
		four += d * d / float64(len(v))
	}
	if !(two > rounded*mean*mean) {
		return math.Inf(1)
	}
	return four / two / two
}

// judged is a Finding in the rows that were looked at.
type judged struct {
	Serial, Sorted, unending bool
	time, factor             float64
}

// judge compares the sides.
func judge(x, z []series) judged {
	j := judged{time: math.Inf(1)}
	unending := [2]bool{}
	for i, side := range [][]series{x, z} {
		slowest := 0.0
		for _, s := range side {
			for _, m := range s.memory {
				if m.Significant {
					slowest = max(slowest, m.Time())
					unending[i] = unending[i] || m.Unending || m.lasting
				}
			}
		}
		j.time = min(j.time, slowest)
	}
	j.factor = largest(significant(x), significant(z))
	j.unending = unending[0] && unending[1]
	if j.factor < material {
		return judged{}
	}
	j.Sorted = explains(x, z) || explains(z, x)
	j.Serial = !j.Sorted
	return j
}

// significant are the memories of columns that tell from chance, the longest first.
func significant(side []series) (all []Memory) {
	for _, s := range side {
		for _, m := range s.memory {
			if m.Significant {
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, func(a, b Memory) int { return cmp.Compare(b.Factor(), a.Factor()) })
	return all
}

// largest is the largest Joint of a memory of x and one of z, each in order of their factors. It is at most
// 1 + sqrt((F_x - 1) (F_z - 1)), by Cauchy and Schwarz, so that few pairs of many columns need be compared.
func largest(x, z []Memory) float64 {
	factors := make([]float64, len(z))
	for k, b := range z {
		factors[k] = b.Factor()
	}
	most := 1.0
	for _, a := range x {
		f := a.Factor()
		for k, b := range z {
			if 1+math.Sqrt((f-1)*(factors[k]-1)) <= most {
				break
			}
			most = max(most, Joint(a, b))
		}
	}
	return most
}
