package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"gomine/internal/journal"
	"gomine/internal/shard"
)

// runJournal is the journal of a run beside what it writes: what is done of it, for the same command to go on from
// after a kill. Without a path there is none.
type runJournal struct {
	path string
	open *journal.Journal // nil without a path
}

// journalHeader is what a run has to have in common with one that it goes on from.
type journalHeader struct {
	Schema string `json:"schema"`
	Shard  string `json:"shard"`
	shard.Run
}

// begin opens the journal for a shard of a run, and returns what is done. schema names the form of the journal.
func (j *runJournal) begin(schema string, s shard.Shard, run shard.Run) ([]json.RawMessage, error) {
	if j.path == "" {
		return nil, nil
	}
	opened, entries, err := journal.Open(j.path, journalHeader{schema, s.String(), run})
	if errors.Is(err, journal.ErrOther) {
		return nil, fmt.Errorf("%s is of an earlier run with other data, settings or version of mine: remove it, or name another --output", j.path)
	}
	if errors.Is(err, journal.ErrBusy) {
		return nil, fmt.Errorf("%s is of a run that is still going on: wait for it or end it, or name another --output", j.path)
	}
	j.open = opened
	return entries, err
}

// close leaves the journal, if it is still there, to a later run.
func (j *runJournal) close() error {
	if j.open == nil {
		return nil
	}
	opened := j.open
	j.open = nil
	return opened.Close()
}

// damaged is the error about an entry, from 0, that cannot be of the run.
func (j *runJournal) damaged(entry int, what string) error {
	return fmt.Errorf("%s: line %d is no %s of this run: remove the file", j.path, entry+2, what)
}

// add adds what is done.
func (j *runJournal) add(done any) error {
	if j.open == nil {
		return nil
	}
	return j.open.Add(done)
}

// end removes the journal, once all is written.
func (j *runJournal) end() error {
	if j.open == nil {
		return nil
	}
	opened := j.open
	j.open = nil
	return opened.Remove()
}

// afterwards says, of a run that is interrupted, what becomes of what is done.
func (j *runJournal) afterwards() string {
	if j.path == "" {
		return "nothing is written"
	}
	return "the same command goes on"
}

// itemsSchema names the form of the journal of an itemJournal.
const itemsSchema = "gomine.items.journal/1"

// itemJournal is the journal of a run of items that are done one after the other.
type itemJournal struct {
	runJournal
	results map[int]json.RawMessage // of the items that are done
	// after are the results of what is done once all items are, in order, and numbers of items that there are not.
	after []shard.Item
	items int // of the run
}

// begin opens the journal beside the file that the answer or the part goes to, if there is one.
func (f *shardFlag) begin(run shard.Run, output *outputFlag) (*itemJournal, error) {
	j := &itemJournal{results: map[int]json.RawMessage{}, items: run.Items}
	if output.toFile() {
		j.path = output.path + ".journal"
	}
	entries, err := j.runJournal.begin(itemsSchema, f.Shard, run)
	if err != nil {
		return nil, err
	}
	for i, text := range entries {
		var item shard.Item
		switch err := json.Unmarshal(text, &item); {
		case err != nil || item.Index < 0 || len(item.Result) == 0 || item.Index >= run.Items && item.Index != run.Items+len(j.after):
			return nil, errors.Join(j.damaged(i, "result"), j.close())
		case item.Index < run.Items:
			j.results[item.Index] = item.Result
		default:
			j.after = append(j.after, item)
		}
	}
	return j, nil
}

// addItem adds the result of an item, and returns it as parts and journals have it.
func (j *itemJournal) addItem(k int, result any) (json.RawMessage, error) {
	text, err := shard.Encode(result)
	if err != nil {
		return nil, err
	}
	return text, j.add(shard.Item{Index: k, Result: text})
}

// addAfter adds the result of what is done once all items are.
func (j *itemJournal) addAfter(result any) error {
	k := j.items + len(j.after)
	text, err := j.addItem(k, result)
	j.after = append(j.after, shard.Item{Index: k, Result: text})
	return err
}
