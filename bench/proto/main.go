package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"strings"
	"time"

	"gomine/mine"
	"gomine/mine/backend"
	"gomine/mine/column"
	"gomine/mine/objective"
	"gomine/mine/preprocess"
	"gomine/mine/simulate"
)

type task struct {
	name, family string
	p            simulate.Params
	mapX, mapZ   string
}

var tasks = []task{
	{"g1 rho.9", "gaussian", simulate.Params{Dim: 1, Rho: .9}, "", ""},
	{"g3 I=2", "gaussian", simulate.Params{Dim: 3, Info: 2}, "", ""},
	{"g5 rho.3", "gaussian", simulate.Params{Dim: 5, Rho: .3}, "", ""},
	{"g20 rho.5", "gaussian", simulate.Params{Dim: 20, Rho: .5}, "", ""},
	{"g25 I=1", "gaussian", simulate.Params{Dim: 25, Info: 1}, "", ""},
	{"st5 nu2", "student", simulate.Params{DimX: 5, DimZ: 5, Nu: 2}, "", ""},
	{"st2 nu2", "student", simulate.Params{DimX: 2, DimZ: 2, Nu: 2}, "", ""},
	{"unif .1", "uniform-noise", simulate.Params{Dim: 1, Noise: .1}, "", ""},
	{"sine .3", "function-sine", simulate.Params{Dim: 2, Noise: .3}, "", ""},
	{"cubic .3", "function-cubic", simulate.Params{Dim: 2, Noise: .3}, "", ""},
	{"ind 10", "independent", simulate.Params{DimX: 10, DimZ: 10}, "", ""},
}

func main() {
	rows := flag.Int("rows", 10000, "")
	only := flag.String("only", "", "")
	set := flag.String("set", "{}", "")
	cands := flag.String("cands", "sj,sd,rj,rd", "")
	radius := flag.Bool("radius", false, "")
	seeds := flag.Int("seeds", 1, "")
	verbose := flag.Bool("v", true, "")
	seed := flag.Uint64("seed", 77, "")
	flag.Parse()
	js, dv := objective.JS.Default(), objective.DV.Default()
	known := map[string]mine.Candidate{
		"sj": {Activation: backend.Softplus, Preprocess: preprocess.Rank, Objective: js},
		"sd": {Activation: backend.Softplus, Preprocess: preprocess.Rank, Objective: dv},
		"rj": {Activation: backend.ReLU, Preprocess: preprocess.Standardize, Objective: js},
		"rd": {Activation: backend.ReLU, Preprocess: preprocess.Standardize, Objective: dv},
		"oj": {Activation: backend.Softplus, Preprocess: preprocess.Standardize, Objective: js},
		"od": {Activation: backend.Softplus, Preprocess: preprocess.Standardize, Objective: dv},
		"kj": {Activation: backend.ReLU, Preprocess: preprocess.Rank, Objective: js},
		"kd": {Activation: backend.ReLU, Preprocess: preprocess.Rank, Objective: dv},
	}
	var sum, total float64
	count := 0
	for _, t := range tasks {
		hit := false
		for _, o := range strings.Split(*only, ",") {
			hit = hit || strings.Contains(t.name, o)
		}
		if !hit {
			continue
		}
		var bias, mae, se, secs float64
		above, lower := 0, 0
		for k := range *seeds {
			seed := *seed + uint64(k)
			law, err := simulate.New(t.family, t.p, t.mapX, t.mapZ)
			if err != nil {
				panic(err)
			}
			x, z := law.Sample(*rows, seed)
			dx, dz := law.DX, law.DZ
			if *radius {
				x, dx = withRadius(x, dx)
				z, dz = withRadius(z, dz)
			}
			cfg := mine.DefaultConfig(*rows)
			cfg.Seed = seed
			cfg.Candidates = nil
			for _, c := range strings.Split(*cands, ",") {
				cfg.Candidates = append(cfg.Candidates, known[c])
			}
			if err := json.Unmarshal([]byte(*set), &cfg); err != nil {
				panic(err)
			}
			began := time.Now()
			r, err := mine.Estimate(context.Background(), column.RowMajor(x, dx), column.RowMajor(z, dz), cfg)
			if err != nil {
				fmt.Println(t.name, err)
				continue
			}
			e := (r.Estimate - law.Truth) / float64(*seeds)
			bias += e
			mae += math.Abs(e)
			se += r.StdErr / float64(*seeds)
			secs += time.Since(began).Seconds() / float64(*seeds)
			if r.Estimate > law.Truth+2*r.StdErr {
				above++
			}
			if r.LowerBound > law.Truth {
				lower++
			}
			sum += math.Abs(r.Estimate - law.Truth)
			total += time.Since(began).Seconds()
			count++
			if !*verbose {
				continue
			}
			fmt.Printf("%-10s truth %.3f est %.3f (%+.3f) se %.3f lower %.3f  %4.1fs race %.1f |", t.name, law.Truth, r.Estimate, r.Estimate-law.Truth, r.StdErr, r.LowerBound, time.Since(began).Seconds(), r.Timing.Race.Seconds())
			for _, c := range r.Critics {
				n := "ref"
				if !c.Reference {
					for k, v := range known {
						if v == c.Candidate {
							n = k
						}
					}
				}
				fmt.Printf(" %s %.3f w%.2f %v", n, c.Estimate, c.Weight, c.Steps)
			}
			fmt.Println()
		}
		if *seeds > 1 {
			fmt.Printf("%-10s seeds %d: bias %+.4f mae %.4f se %.4f above %d lower>truth %d  %.1fs\n", t.name, *seeds, bias, mae, se, above, lower, secs)
		}
	}
	fmt.Printf("mean %.4f, %.1fs\n", sum/float64(count), total/float64(count))
}

func withRadius(v []float64, d int) ([]float64, int) {
	if d < 2 {
		return v, d
	}
	var out []float64
	for i := 0; i < len(v); i += d {
		var sum float64
		for _, w := range v[i : i+d] {
			sum += w * w
		}
		out = append(out, v[i:i+d]...)
		out = append(out, math.Log1p(sum))
	}
	return out, d + 1
}
