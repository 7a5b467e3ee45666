package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"gomine/internal/shard"
	"gomine/mine/column"
	"gomine/mine/pairwise"
)

// run is what the results of a matrix depend on.
func (m *matrixRun) run() (shard.Run, error) {
	sources := []column.Source{m.group}
	for _, v := range m.data {
		sources = append(sources, v.Data)
	}
	data, err := shard.Fingerprint(sources...)
	if err != nil {
		return shard.Run{}, err
	}
	head, err := shard.Encode(m.matrixDocument)
	return shard.Run{Kind: shard.Matrix, Version: version(), Config: head, Data: data, Items: len(m.Pairs)}, err
}

// items are all pairs in the order in which they are shared out: those for the networks first.
func (m *matrixRun) items() []int {
	order := slices.Clone(m.chosen)
	chosen := make([]bool, len(m.Pairs))
	for _, k := range order {
		chosen[k] = true
	}
	for k := range m.Pairs {
		if !chosen[k] {
			order = append(order, k)
		}
	}
	return order
}

// writePart writes the share of the pairs.
func (o *matrixOutput) writePart(m *matrixRun, s shard.Shard) error {
	run, err := m.run()
	if err != nil {
		return err
	}
	var results []json.RawMessage
	items := m.items()
	for _, i := range s.Items(len(items)) {
		k := items[i]
		text, err := shard.Encode(matrixItem{k, &m.Pairs[k], m.estimates[k]})
		if err != nil {
			return err
		}
		results = append(results, text)
	}
	part, err := shard.New(run, s, results)
	if err != nil {
		return err
	}
	if err := o.files[0].failed(part.Write(o.path)); err != nil {
		return err
	}
	return o.journal.end()
}

// mergedPairs puts the parts of a matrix together, as shard.Merge has read them.
func mergedPairs(run shard.Run, items []shard.Item) (*pairTable, error) {
	t := &pairTable{estimates: make([]*pairwise.Estimate, run.Items)}
	if err := json.Unmarshal(run.Config, &t.matrixDocument); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	t.Pairs = make([]pairwise.Pair, run.Items)
	for _, item := range items {
		var e matrixItem
		if err := item.Decode(&e); err != nil {
			return nil, err
		}
		if e.Pair < 0 || e.Pair >= run.Items || e.Screen == nil || pairwise.Index(e.Screen.A, e.Screen.B, len(t.Variables)) != e.Pair {
			return nil, fmt.Errorf("result %d is no pair of the table", item.Index)
		}
		t.Pairs[e.Pair], t.estimates[e.Pair] = *e.Screen, e.Estimate
	}
	return t, nil
}
