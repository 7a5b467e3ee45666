// Package shard shares out a list of independent items among processes that know nothing of each
// other, and puts their results together again.
//
// A run of n shards gives item k to shard k mod n. Each process writes one [Part]: its results, and
// what they depend on, which is the kind of run, the build, the configuration and a fingerprint of the
// data. [Merge] takes the parts of one run alone, and all of them. Its results are those of one process
// bit for bit, if that takes each result through [Encode] too: the shortest decimals that tell
// a float64 from all others lose nothing, and a result knows neither its shard nor the time. What
// depends on the machine or the clock does not belong into a result.
package shard

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Shard is the share of one of Count processes, Index from 0. The zero value is all, undivided.
type Shard struct{ Index, Count int }

// errForm says what Parse takes.
var errForm = errors.New("want i/n, shard i of n, from 0/n to (n-1)/n")

// Parse reads i/n, the shard i of n, i from 0.
func Parse(text string) (Shard, error) {
	i, n, ok := strings.Cut(text, "/")
	if !ok {
		return Shard{}, errForm
	}
	index, err := number(i)
	if err != nil {
		return Shard{}, errForm
	}
	count, err := number(n)
	if err != nil || index >= count {
		return Shard{}, errForm
	}
	return Shard{index, count}, nil
}

// number reads digits alone: no sign, no space.
func number(digits string) (int, error) {
	n, err := strconv.ParseUint(digits, 10, 31)
	return int(n), err
}

func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Count) }

// Divided says whether there is a part to write: it is so for the only shard of one too.
func (s Shard) Divided() bool { return s.Count > 0 }

// Has says whether item k is of the shard.
func (s Shard) Has(k int) bool { return s.Count == 0 || k%s.Count == s.Index }

// Items lists which of n items, numbered from 0, are of the shard.
func (s Shard) Items(n int) []int {
	var all []int
	for k := range n {
		if s.Has(k) {
			all = append(all, k)
		}
	}
	return all
}
