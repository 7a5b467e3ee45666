package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gomine/mine/table"
)

// formatFlags say how a file is to be read, and which of its rows.
type formatFlags struct {
	sql       sqlFlags
	separator separator
	decimal   decimal
	header    choice
	comment   string
	transpose bool
	rows      rowRange
	sample    int
}

func (f *formatFlags) register(flags *pflag.FlagSet) {
	f.sql.register(flags)
	flags.Var(&f.rows, "rows", "rows `A:B` of every file alone, from 0 and without B")
	flags.Var((*count)(&f.sample), "sample", "`N` rows alone, drawn by --seed")
	flags.Lookup("sample").DefValue = "all"
	flags.Var(&f.separator, "separator", "`CHAR` between fields: auto, comma, semicolon, pipe, tab, space or any other")
	flags.Var(&f.decimal, "decimal", "`CHAR` before decimal digits: auto, a point, or a comma")
	addChoice(flags, &f.header, "header", "whether the first line names the columns", "auto", "yes", "no")
	flags.StringVar(&f.comment, "comment", "", "`CHARS`: a line that begins with one of them is a comment; or none")
	flags.Lookup("comment").DefValue = "# and %"
	flags.BoolVar(&f.transpose, "transpose", false, "take rows for columns")
}

// complete sets the completions of the flags.
func (f *formatFlags) complete(cmd *cobra.Command) {
	complete(cmd, "separator", cobra.FixedCompletions([]string{"auto", "comma", "semicolon", "pipe", "tab", "space"}, cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "decimal", cobra.FixedCompletions([]string{"auto", ".", ","}, cobra.ShellCompDirectiveNoFileComp))
}

// check reports a value that no file can be read with.
func (f *formatFlags) check(set *pflag.FlagSet) error {
	if set.Changed("sample") && f.sample < 1 {
		return usagef("--sample is %d, want at least 1", f.sample)
	}
	if set.Changed("comment") && f.comment == "" {
		return usagef("--comment is empty: say none if no line is a comment")
	}
	return f.sql.check(set)
}

func (f *formatFlags) options(progress func(done, total int64)) table.Options {
	o := table.Options{
		Comma: rune(f.separator), Decimal: rune(f.decimal), Comment: f.comment, Transpose: f.transpose,
		From: f.rows.from, To: f.rows.to, Sample: f.sample, Progress: progress,
	}
	switch f.header.value {
	case "yes":
		o.Header = table.HeaderYes
	case "no":
		o.Header = table.HeaderNo
	}
	return o
}
