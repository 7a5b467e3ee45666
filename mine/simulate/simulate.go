// Package simulate draws samples from distributions whose mutual information
// is known, so that an estimate of it can be checked.
//
// A [Task] is a joint law of X in R^dx and Z in R^dz together with I(X;Z) in
// nats. [New] makes one from a family name and [Params]; [Families] lists what
// there is. The families, with d = Dim and N, U, chi2 independent draws:
//
//	gaussian         d pairs of standard normals, m of them with correlation rho
//	                 I = -(m/2) ln(1 - rho^2), m = d unless set
//	channel          Z = X + s N(0, I_d), X ~ N(0, I_d)
//	                 I = (d/2) ln(1 + 1/s^2)
//	correlated       (X, Z) ~ N(0, S), S a random correlation matrix
//	                 I = 1/2 ln(det Sxx det Szz / det S)
//	swiss-roll       gaussian with its first column y of X rolled up in a plane,
//	                 X = (r cos 3 pi r, .., r sin 3 pi r), r = 1/2 + Phi(y): d+1
//	                 columns, the first and the last of them the plane; the same I
//	uniform-noise    d pairs Z = X + U(-e, e), X ~ U(0, 1)
//	                 I = d (e - ln 2e) if e <= 1/2, else d / (4e)
//	binary-channel   d pairs Z = X + s N(0, 1), X = ±1 with equal odds
//	                 I = d (ln 2 - E ln(1 + exp(-2 (1 + s N) / s^2)))
//	function-linear, function-cubic, function-sine
//	                 d pairs Z = f(X) + s N(0, 1), X ~ U(-1, 1), f(x) = x, x^3, sin x
//	                 I = d (h(Z) - 1/2 ln(2 pi e s^2)), h(Z) by quadrature
//	student          X = N(0, I_dx) / sqrt(c), Z = N(0, I_dz) / sqrt(c), c = chi2_nu / nu
//	                 I = f(nu) + f(nu+dx+dz) - f(nu+dx) - f(nu+dz),
//	                 f(v) = lnGamma(v/2) - (v/2) digamma(v/2),
//	                 -(m/2) ln(1 - rho^2) more if m = min(dx, dz) pairs correlate
//	copula-clayton   a pair with Clayton's copula (u^-t + v^-t - 1)^(-1/t), t = theta
//	                 I = ln(1 + t) - t/(1 + t)
//	copula-gumbel    a pair with Gumbel's, exp(-((-ln u)^t + (-ln v)^t)^(1/t))
//	                 I = gamma - 1 + E ln(t - 1 + s), s of density exp(-s) (t - 1 + s)/t,
//	                 by quadrature
//	copula-frank     a pair with Frank's,
//	                 -ln(1 + (exp(-tu) - 1) (exp(-tv) - 1) / (exp(-t) - 1)) / t
//	                 I by quadrature over the distribution of C(U,V)
//	copula-t         a pair with the copula of student, dx = dz = 1; the same I
//	mixture          d pairs from one random mixture of k normals; I by quadrature
//	sine-product     d pairs of density (1 + sin(kx) sin(kz)) / (4 pi^2) on (-pi, pi)^2
//	                 I = d 0.14333.., by its series
//	gamma-exponential
//	                 d pairs of logarithms: of A with the gamma distribution of shape
//	                 t = theta, and of an exponential with mean 1/A
//	                 I = d (digamma(t + 1) - ln t)
//	circle           a point at a uniform angle a, and one at k a + U(-e, e) pi
//	                 I = -ln e
//	discrete         d pairs of k symbols: Z = X with probability 1-p,
//	                 otherwise one of the other k-1 symbols
//	                 I = d (ln k + (1-p) ln(1-p) + p ln(p / (k-1)))
//	independent      standard normals that share nothing: I = 0
//	identical        Z = X ~ N(0, I_d): I = +Inf
//
// The student formula is I = h(X) + h(Z) - h(X,Z) with the entropy of a
// multivariate t in dimension m,
//
//	h_m = lnGamma(nu/2) - lnGamma((nu+m)/2) + (m/2) ln(nu pi)
//	      + ((nu+m)/2) (digamma((nu+m)/2) - digamma(nu/2)),
//
// in which the terms in ln(nu pi) cancel and those in digamma(nu/2) leave
// -(nu/2) digamma(nu/2). It is the part of the mutual information that
// Arellano-Valle, Contreras-Reyes and Genton (Shannon entropy and mutual
// information for multivariate skew-elliptical distributions, Scandinavian
// Journal of Statistics 40, 2013) give for t vectors without correlation, where
// the common scale is all that X and Z share; with correlation the Gaussian term
// comes on top. Information does not depend on the margins of a copula: here
// they are standard normal, and the map cdf makes them uniform.
//
// uniform-noise is the smoothed uniform distribution of Czyż et al. (Beyond
// normal: on the evaluation of mutual information estimators, NeurIPS 2023), who
// also have a swiss roll and spirals. gamma-exponential is that of Darbellay and
// Vajda (Entropy expressions for multivariate continuous distributions, IEEE
// Transactions on Information Theory 46, 2000): given A the exponential has the
// entropy 1 - ln A, and without it the density t / (1+z)^(t+1), of entropy
// 1 + 1/t - ln t, while E ln A = digamma(t).
//
// Rows of a [VAR] follow on each other, and what is known of it is transfer entropy.
//
// Mutual information does not change under an invertible map of X alone or of
// Z alone, so every task comes in mapped versions with the same truth; see
// [Maps].
package simulate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Params are the settings of a family. Each family reads the fields named in
// its [Family].Reads and ignores the others; [Family].Defaults has a working
// value for each of them.
type Params struct {
	// Dim is the number of columns of X and of Z, at least 1, in the families
	// where both have the same.
	Dim int `json:"dim,omitempty"`
	// DimX and DimZ are the numbers of columns, at least 1 each, in the
	// families where they may differ.
	DimX int `json:"dim_x,omitempty"`
	DimZ int `json:"dim_z,omitempty"`
	// Rho is the correlation of each pair, in (-1, 1).
	Rho float64 `json:"rho,omitempty"`
	// Info is the mutual information to reach, in nats, at most 10
	// for each column. If positive, it replaces Rho or Noise, which are then
	// solved from it.
	Info float64 `json:"info,omitempty"`
	// Pairs is the number of pairs of columns with correlation Rho, 0 for all;
	// the other pairs are independent (gaussian, swiss-roll).
	Pairs int `json:"pairs,omitempty"`
	// Theta is the parameter of a copula: above 0 (Clayton), at least 1
	// (Gumbel), not 0 (Frank); or the shape of a gamma distribution, from 0.01 to
	// 1000 (gamma-exponential).
	Theta float64 `json:"theta,omitempty"`
	// Components is the number of components of a mixture, 1 to 100.
	Components int `json:"components,omitempty"`
	// Noise is the strength of the noise: a standard deviation (channel,
	// binary-channel, function-*), a half-width (uniform-noise), a fraction of
	// the circle in (0, 1] (circle) or a probability in [0, 1] (discrete).
	Noise float64 `json:"noise,omitempty"`
	// Nu is the number of degrees of freedom, at least 0.7; small means heavy
	// tails.
	Nu float64 `json:"nu,omitempty"`
	// Symbols is the size of the alphabet, at least 2.
	Symbols int `json:"symbols,omitempty"`
	// Turns is how often Z goes round while X goes round once (circle), or the
	// waves of each column (sine-product), from 1 to 1000000.
	Turns int `json:"turns,omitempty"`
	// Seed chooses the task itself: the correlation matrix of correlated, the
	// components of mixture, and the matrices of the maps rotation and network. It
	// is not the seed of a sample.
	Seed uint64 `json:"seed,omitempty"`
}

// Family describes one kind of task.
type Family struct {
	Name    string
	Summary string
	// Reads names the parameters that the family uses, spelled as in
	// [ParamError]: dim, dim-x, dim-z, pairs, rho, info, noise, nu, theta,
	// symbols, components, turns, seed. Seed is also read by the random maps, in
	// every family: see [MapReadsSeed].
	Reads []string
	// Defaults are parameters that [New] accepts.
	Defaults Params

	build func(Params) (law, error)
}

// law is a joint distribution of X and Z before any map.
type law struct {
	dx, dz int
	truth  float64
	// scaleX and scaleZ bound the typical size of a value from above, within a
	// small factor; +Inf says that the tails are too heavy to have one.
	scaleX, scaleZ float64
	// params are those asked for, with Rho or Noise as solved from Info.
	params Params
	// draw fills x [dx] and z [dz]; scratch is [dx+dz].
	draw func(r *rand.Rand, x, z, scratch []float64)
}

// Families returns all families, in the order in which help should list them.
func Families() []Family { return slices.Clone(families) }

// Task is a joint distribution of X and Z with known mutual information, made
// by [New]. Its fields are for reading only, and so it is safe for concurrent
// use.
type Task struct {
	// Name is the name of the family.
	Name string
	// Params are the parameters that the task was made with, with Rho or Noise
	// as solved from Info.
	Params Params
	// MapX and MapZ are the names of the maps, "none" included.
	MapX, MapZ string
	// DX and DZ are the numbers of columns.
	DX, DZ int
	// Truth is I(X;Z) in nats. It is +Inf where Z determines X or X determines
	// Z on a continuous scale.
	Truth float64

	law        law
	mapX, mapZ transform
}

// New makes the task of the family called name with parameters p, the columns
// of X transformed by the map called mapX and those of Z by mapZ; an empty
// map name is none. It is a [ParamError] if there is no such family or map, if
// a parameter that the family reads is out of range, or if a map would not be
// invertible in float64 on that family.
func New(name string, p Params, mapX, mapZ string) (*Task, error) {
	i := slices.IndexFunc(families, func(f Family) bool { return f.Name == name })
	if i < 0 {
		names := make([]string, len(families))
		for i, f := range families {
			names[i] = f.Name
		}
		return nil, fmt.Errorf("simulate: %w", &ParamError{"family", name, "one of " + strings.Join(names, ", ")})
	}
	l, err := families[i].build(p)
	if err != nil {
		return nil, fmt.Errorf("simulate: %s: %w", name, err)
	}
	t := &Task{Name: name, Params: l.params, DX: l.dx, DZ: l.dz, Truth: l.truth, law: l}
	if t.MapX, t.mapX, err = newTransform("map-x", mapX, l.dx, l.scaleX, newRand(p.Seed, mapStreamX)); err != nil {
		return nil, fmt.Errorf("simulate: %s: %w", name, err)
	}
	if t.MapZ, t.mapZ, err = newTransform("map-z", mapZ, l.dz, l.scaleZ, newRand(p.Seed, mapStreamZ)); err != nil {
		return nil, fmt.Errorf("simulate: %s: %w", name, err)
	}
	return t, nil
}

// Sample draws rows independent pairs: x is [rows, DX] and z is [rows, DZ],
// row-major. Row i depends on the task, seed and i only, so a shorter sample
// is the beginning of a longer one. A rows below 1 gives empty slices.
func (t *Task) Sample(rows int, seed uint64) (x, z []float64) {
	rows = max(rows, 0)
	x, z = make([]float64, rows*t.DX), make([]float64, rows*t.DZ)
	t.fill(0, seed, x, z)
	return x, z
}

// Fill writes the rows first, first+1, ... of the sample with that seed into x
// and z, as many as they hold: x is [rows, DX] and z is [rows, DZ], row-major.
// A sample of any length can so be written piece by piece. It is a
// [ParamError] if first is negative, and an error if x and z do not hold the
// same whole number of rows.
func (t *Task) Fill(first int, seed uint64, x, z []float64) error {
	if first < 0 {
		return fmt.Errorf("simulate: %w", &ParamError{"first", first, "0 or more"})
	}
	if len(x)%t.DX != 0 || len(z)%t.DZ != 0 || len(x)/t.DX != len(z)/t.DZ {
		return fmt.Errorf("simulate: x holds %d values and z holds %d; give rows*%d and rows*%d", len(x), len(z), t.DX, t.DZ)
	}
	t.fill(first, seed, x, z)
	return nil
}

func (t *Task) fill(first int, seed uint64, x, z []float64) {
	src := new(rand.PCG)
	r := rand.New(src)
	scratch := make([]float64, t.DX+t.DZ)
	for i := 0; len(x) > 0; i++ {
		seedRow(src, seed, uint64(first)+uint64(i))
		t.law.draw(r, x[:t.DX], z[:t.DZ], scratch)
		t.mapX(x[:t.DX], scratch)
		t.mapZ(z[:t.DZ], scratch)
		x, z = x[t.DX:], z[t.DZ:]
	}
}

// Constants that keep apart the random numbers drawn for different purposes
// from the same seed. Their values are arbitrary.
const (
	sampleStream uint64 = iota + 1
	correlationStream
	mapStreamX
	mapStreamZ
	mixtureStream
	seriesStream
)

// seedRow sets src to the stream of one row. Both words are hashed: streams of
// a linear congruential generator that start close together stay correlated.
func seedRow(src *rand.PCG, seed, row uint64) {
	h := mix(mix(seed) + sampleStream)
	src.Seed(mix(h+row), mix(h^mix(row)))
}

// newRand returns a generator for one purpose of a task's own seed.
func newRand(seed, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(mix(seed), mix(stream)))
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood, Fast
// splittable pseudorandom number generators, OOPSLA 2014), a bijection.
func mix(v uint64) uint64 {
	v += 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
