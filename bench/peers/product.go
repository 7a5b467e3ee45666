package main

import (
	"time"

	"gomine/bench/throughput"
)

// A speed is one measurement of a product.
type speed struct {
	throughput.Product
	Contender string  `json:"contender"`
	Round     int     `json:"round"`
	GFLOPs    float64 `json:"gflop_per_s"`
}

// stride is the leading dimension that the backend gives rows of n floats.
func stride(n int) int {
	switch {
	case n <= 8:
		return 8
	case n <= 112:
		return (n + 15) / 16 * 16
	default:
		return (n+15)/16*16 | 16
	}
}

// multiply measures a product in OpenBLAS, on matrices padded like gomine's,
// in operations per second.
func (s *server) multiply(p throughput.Product, length time.Duration) (float64, error) {
	lda, ldb := stride(p.K), stride(p.N)
	switch p.Op {
	case "TN":
		lda = stride(p.M)
	case "NT":
		ldb = stride(p.K)
	}
	var answer struct {
		Products int
		Seconds  float64
	}
	err := s.ask(map[string]any{
		"op": p.Op, "m": p.M, "n": p.N, "k": p.K, "lda": lda, "ldb": ldb, "ldc": stride(p.N),
		"seconds": length.Seconds(),
	}, &answer)
	return p.Operations() * float64(answer.Products) / answer.Seconds, err
}
