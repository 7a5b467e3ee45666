package main

import (
	"fmt"

	"gomine/mine"
	"gomine/mine/preprocess"
)

// Codes of warnings about the rows that a critic is to judge.
const (
	warnSeen    mine.WarningCode = "seen"           // rows of the estimate are among them
	warnOutside mine.WarningCode = "outside"        // numbers outside the fitted range
	warnLabels  mine.WarningCode = "unknown-labels" // labels that the critic does not know
)

const (
	// unseenShare is the share of rows with values that a critic does not know that is worth a word, and
	// unseenLevel how often the columns of other rows of the same law are warned of all the same.
	unseenShare = 0.01
	unseenLevel = 1e-3
	// foreignRows is from how many rows on a column without a single known label is refused.
	foreignRows = 20
)

// judge warns of columns of the data whose values the critic of a file was not fitted to, by so many rows,
// and refuses those of which it knows no label.
func (o *opened) judge(file, data string, fitted int) error {
	counts, err := o.Unseen(o.x, o.z)
	if err != nil {
		return inputError(err)
	}
	for _, u := range counts {
		share := float64(u.Unknown) / float64(u.Rows)
		if share <= unseenShare || u.Chance(fitted) >= unseenLevel/float64(len(counts)) {
			continue
		}
		switch {
		case u.Labels != nil && u.Unknown == u.Rows && u.Rows >= foreignRows:
			return fmt.Errorf("%s: column %s of %s has no label that %s knows, but such as %q: write them as in the data of the estimate (%s)", data, u.Column, u.Side, file, u.Example, listNames(u.Labels))
		case u.Labels != nil:
			o.warn(warnLabels, u, fmt.Sprintf("have a label that %s does not know, such as %q, and count as rare ones, of which it has learnt little: write labels as in the data of the estimate, or train on rows like these", file, u.Example))
		default:
			o.warn(warnOutside, u, fmt.Sprintf("are outside the range %.6g to %.6g that %s was fitted to, and count as its ends: the critic has learnt nothing there. See that the unit is the same; else, as of another stretch of a series, train on rows like these", u.Min, u.Max, file))
		}
	}
	return nil
}

// warn adds a warning about a column.
func (o *opened) warn(code mine.WarningCode, u preprocess.Unseen, what string) {
	o.warnings = append(o.warnings, mine.Warning{Code: code, Message: fmt.Sprintf("column %s of %s: %.3g%% of the rows (%s of %s) %s",
		u.Column, u.Side, 100*float64(u.Unknown)/float64(u.Rows), grouped(u.Unknown), grouped(u.Rows), what)})
}
