package mine

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/preprocess"
)

// sines is a scorer of pairs of rows by a function of both that is far from normalised: of the
// first input of x, and of all inputs of z and their numbers.
type sines struct{ x, z backend.Matrix }

func (s sines) score(x, z []float32) float64 {
	t := math.Sin(3 * float64(x[0]))
	for k, v := range z {
		t += float64(v) * math.Sin(float64(k+1)*float64(x[0])+float64(k))
	}
	return t
}

func (s sines) Scores(_ context.Context, _ backend.Data, xs, zs []int, dst []float32) error {
	for i := range xs {
		dst[i] = float32(s.score(s.x.Row(xs[i]), s.z.Row(zs[i])))
	}
	return nil
}

func (s sines) InputGradients(_ context.Context, _ backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error {
	for i := range xs {
		x := float64(s.x.Row(xs[i])[0])
		g := 3 * math.Cos(3*x)
		for k, v := range s.z.Row(zs[i]) {
			g += float64(v) * float64(k+1) * math.Cos(float64(k+1)*x+float64(k))
		}
		gx.Row(i)[0] = weights[i] * float32(g)
		clear(gz.Row(i))
	}
	return nil
}

// swapped exchanges the sides of a scorer.
type swapped struct{ scorer }

func (s swapped) Scores(ctx context.Context, d backend.Data, xs, zs []int, dst []float32) error {
	return s.scorer.Scores(ctx, d, zs, xs, dst)
}

func (s swapped) InputGradients(ctx context.Context, d backend.Data, xs, zs []int, weights []float32, gx, gz backend.Matrix) error {
	return s.scorer.InputGradients(ctx, d, zs, xs, weights, gz, gx)
}

// codedRows are rows of a number and of one of six codes, of which two are rare, as inputs.
func codedRows(t *testing.T, n int) (preprocess.Maps, backend.Matrix, backend.Matrix) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	x, labels := make([]float64, n), make([]string, n)
	for i := range x {
		x[i] = r.NormFloat64()
		labels[i] = []string{"a", "a", "b", "c", "d"}[r.IntN(5)]
		if i%100 == 7 {
			labels[i] = []string{"e", "f"}[i/100%2]
		}
	}
	pairs, err := preprocess.NewPairs(column.Slices(x), column.Codes(labels), 1)
	if err != nil {
		t.Fatal(err)
	}
	maps, err := pairs.Fit(preprocess.Rank, preprocess.Range{Hi: n})
	if err != nil {
		t.Fatal(err)
	}
	mx, mz, err := pairs.Apply(maps, false, preprocess.Range{Hi: n})
	if err != nil {
		t.Fatal(err)
	}
	return maps, mx, mz
}

// TestNormalised: over the codes with their shares, the exponentials of the normalised scores of
// every row have the mean 1, and they differ from the scores by the row alone. The derivatives
// are those of the scores. Codes may be on either side.
func TestNormalised(t *testing.T) {
	const n, h = 500, 1e-4
	maps, x, z := codedRows(t, n)
	for _, ofZ := range []bool{true, false} {
		var plain scorer = sines{x, z}
		both, cx, cz := maps, x, z
		if !ofZ {
			plain = swapped{plain}
			both, cx, cz = preprocess.Maps{X: maps.Z, Z: maps.X}, z, x
		}
		found := codesOf(both, cx, cz, 0)
		if found == nil || found.ofZ != ofZ || len(found.rows) != 5 {
			t.Fatalf("codes %+v, want five: a to d, and the rare ones", found)
		}
		s := normalise(plain, found, n)
		score := func(rows, codes []int) (normal, as []float64) {
			a, b := make([]float32, len(rows)), make([]float32, len(rows))
			xs, zs := rows, codes
			if !ofZ {
				xs, zs = codes, rows
			}
			if err := s.Scores(t.Context(), nil, xs, zs, a); err != nil {
				t.Fatal(err)
			}
			if err := plain.Scores(t.Context(), nil, xs, zs, b); err != nil {
				t.Fatal(err)
			}
			for i := range a {
				normal, as = append(normal, float64(a[i])), append(as, float64(b[i]))
			}
			return normal, as
		}
		for row := range n {
			var sum float64
			rows := []int{row, row, row, row, row}
			normal, as := score(rows, found.rows)
			for c := range normal {
				sum += math.Exp(found.logShares[c] + normal[c])
				if apart := (as[c] - normal[c]) - (as[0] - normal[0]); math.Abs(apart) > 1e-5 { // float32 scores of size 20
					t.Fatalf("row %d: code %d is shifted by %g more than code 0", row, c, apart)
				}
			}
			if math.Abs(sum-1) > 1e-5 {
				t.Fatalf("row %d: the mean of the exponentials is %v, want 1", row, sum)
			}
		}
		// Derivatives, by differences of scores in float64.
		ids, weights := identity(n), make([]float32, n)
		for i := range weights {
			weights[i] = 2
		}
		gx, gz := backend.NewMatrix(n, cx.Cols), backend.NewMatrix(n, cz.Cols)
		if err := s.InputGradients(t.Context(), nil, ids, ids, weights, gx, gz); err != nil {
			t.Fatal(err)
		}
		got := gx
		if !ofZ {
			got = gz
		}
		at := func(v float64, code []float32) float64 {
			value := []float32{float32(v)}
			var sum float64
			for c, p := range found.logShares {
				sum += math.Exp(p + sines{}.score(value, z.Row(found.rows[c])))
			}
			return sines{}.score(value, code) - math.Log(sum)
		}
		for i := range n {
			// Differences of float32 values, whose distance is known exactly.
			v := float64(x.Row(i)[0])
			up, down := float64(float32(v+h)), float64(float32(v-h))
			want := 2 * (at(up, z.Row(i)) - at(down, z.Row(i))) / (up - down)
			if g := float64(got.Row(i)[0]); math.Abs(g-want) > 1e-3*(1+math.Abs(want)) { // h^2/3 times third derivatives of up to 1e5: those of T, cubed
				t.Errorf("row %d: derivative %v, difference %v", i, g, want)
			}
		}
	}
}

// TestNormalisedBound: the bound of the normalised critic is no lower than that of the critic
// (Jensen), on all pairs of rows with the shares that it is normalised by.
func TestNormalisedBound(t *testing.T) {
	const n = 500
	maps, x, z := codedRows(t, n)
	found := codesOf(maps, x, z, 0)
	bound := func(s pairScorer) float64 {
		p, err := scorePairs(t.Context(), s, nil, 0, n, n-1, 1)
		if err != nil {
			t.Fatal(err)
		}
		// All pairs are the joint ones, a row with itself, and those of all cycles.
		var joint, mean float64
		for _, v := range p.Joint {
			joint += float64(v) / n
			mean += math.Exp(float64(v)) / n / n
		}
		for _, v := range p.Marginal {
			mean += math.Exp(float64(v)) / n / n
		}
		return joint - math.Log(mean)
	}
	before, after := bound(sines{x, z}), bound(normalise(sines{x, z}, found, n))
	if !(after > before+0.1) {
		t.Errorf("bound %v of the critic, %v normalised", before, after)
	}
}

// TestNoCodes: nothing is normalised without a single column of codes, nor of too many.
func TestNoCodes(t *testing.T) {
	maps, x, z := codedRows(t, 500)
	if found := codesOf(preprocess.Maps{X: maps.X, Z: maps.X}, x, x, 0); found != nil {
		t.Errorf("codes %+v of numbers", found)
	}
	long := z
	long.Rows = mostCodeScores/5 + 1
	if found := codesOf(maps, x, long, 0); found != nil {
		t.Errorf("codes of %d rows", long.Rows)
	}
}
