package mine

import (
	"fmt"
	"math"
	"strings"
)

func (e *Estimator) warnings(r *Result) []Warning {
	var out []Warning
	warn := func(code WarningCode, format string, args ...any) {
		out = append(out, Warning{code, fmt.Sprintf(format, args...)})
	}
	if r.Stop == StopInterrupted {
		warn(WarnInterrupted, "interrupted at step %d of %d: this is the best critic so far", r.Steps, e.cfg.Steps)
	}
	for _, c := range []struct {
		side string
		ColumnSummary
	}{{"x", r.X}, {"z", r.Z}} {
		if len(c.Constant) > 0 {
			warn(WarnConstant, "dropped constant %s of %s, which carry no information", list(c.Constant), c.side)
		}
		if len(c.Discrete) > 0 && r.Winner.Preprocess == Rank {
			warn(WarnDiscrete, "%s of %s have many ties: standardised instead of ranked", list(c.Discrete), c.side)
		}
	}
	ceiling := math.Log(float64(e.counts.Test))
	if r.Estimate > ceiling-1.5 {
		warn(WarnCeiling, "the estimate is near ln(test rows) = %.1f nats, above which no estimate from samples can be trusted: I(X;Z) may be larger, even infinite; more rows raise the limit", ceiling)
	}
	return out
}

// list names a few columns.
func list(names []string) string {
	const most = 5
	noun := "column "
	if len(names) > 1 {
		noun = "columns "
	}
	if len(names) > most {
		return fmt.Sprintf("%s%s and %d more", noun, strings.Join(names[:most], ", "), len(names)-most)
	}
	return noun + strings.Join(names, ", ")
}
