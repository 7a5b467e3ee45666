package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// slurmFlags are the flags of mine slurm.
type slurmFlags struct {
	shards, cpus int
	memory, time string
	options      []string
	output       outputFlag
}

func newSlurm() *cobra.Command {
	var f slurmFlags
	cmd := &cobra.Command{
		Use:   "slurm [flags] -- COMMAND",
		Short: "Print a script that runs a command as an array job of Slurm",
		Long: `Print a script that runs a command as an array job of Slurm.

COMMAND is one of mine that takes --shard, with --output, such as
rank data.csv --target price --output rank.csv, as it is run without mine before
it. The script, run by bash where sbatch is, submits a job of N tasks, each of
which writes a part, and a job behind it that merges the parts to --output once
all tasks have succeeded. Nothing is submitted by mine itself.

A task that failed is submitted again by its number: sbatch --array=3 with the
same lines, and the merging after it; mine merge names a part that is missing.
Exit codes: 0 done, 1 error, 2 error in the command line.`,
		Example: `  mine slurm --shards 16 --cpus 4 -- rank data.csv --target price --output rank.csv > job.sh
  bash job.sh`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	job, output := newFlags(), newFlags()
	f.shards, f.cpus, f.memory, f.time = 8, 2, "4G", "1:00:00"
	job.Var((*count)(&f.shards), "shards", "`N` tasks of the array, each of a share")
	job.Var((*count)(&f.cpus), "cpus", "`N` processors of a task")
	job.StringVar(&f.memory, "memory", f.memory, "`SIZE` of the memory of a task, as sbatch --mem has it")
	job.StringVar(&f.time, "time", f.time, "`LIMIT` of a task, as sbatch --time has it")
	job.StringArrayVar(&f.options, "sbatch", nil, "`OPTION` more for sbatch, such as --partition=long; may be given several times")
	addGroup(cmd, "Job", job)
	f.output.register(output)
	addGroup(cmd, "Output", output)
	return cmd
}

// sbatchValue is what can stand in a line of #SBATCH without being taken for something else.
var sbatchValue = regexp.MustCompile(`^[A-Za-z0-9_.:,=@%+/-]+$`)

func (f *slurmFlags) run(cmd *cobra.Command, args []string) error {
	if err := f.output.check(cmd.Flags(), nil); err != nil {
		return err
	}
	switch {
	case f.shards < 1:
		return usagef("--shards is %d, want at least 1", f.shards)
	case f.cpus < 1:
		return usagef("--cpus is %d, want at least 1", f.cpus)
	}
	for _, c := range append([]string{f.memory, f.time}, f.options...) {
		if !sbatchValue.MatchString(c) {
			return usagef("%q is no value of an option of sbatch: it has letters, digits and _.:,=@%%+/- alone", c)
		}
	}
	for _, o := range f.options {
		if !strings.HasPrefix(o, "-") {
			return usagef("--sbatch %q is no option: give it whole, such as --sbatch=--partition=long", o)
		}
	}
	target, err := shardedCommand(cmd.Root(), args)
	if err != nil {
		return err
	}
	var script bytes.Buffer
	if err := slurmScript.Execute(&script, f.script(target)); err != nil {
		return err
	}
	return f.output.write(cmd, script.Bytes())
}

// sharded is a command that takes --shard, as it was given.
type sharded struct {
	args   []string // without --output
	output string
	form   []string // the flags that mine merge takes too
}

// shardedCommand reads the command behind the --, and reports one that does not take shards.
func shardedCommand(root *cobra.Command, args []string) (sharded, error) {
	if len(args) == 0 {
		return sharded{}, usagef("no command: give one behind --, such as mine slurm -- rank data.csv --target price --output rank.csv")
	}
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root || cmd.Flags().Lookup("shard") == nil {
		return sharded{}, usagef("%s is no command that takes --shard: give one of %s behind --", args[0], strings.Join(shardedNames(root), ", "))
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return sharded{}, flagError(cmd, err)
	}
	set := cmd.Flags()
	files := set.Args()
	if err := cmd.ValidateArgs(files); err != nil {
		return sharded{}, err
	}
	var s sharded
	for _, flag := range []string{"shard", "threads", "quiet"} {
		if set.Changed(flag) {
			return s, usagef("--%s in the command: the script sets it for each task, leave it out", flag)
		}
	}
	if set.Lookup("seeds") != nil && !set.Changed("seeds") {
		return s, usagef("%s has shares by --seeds alone: say how many", cmd.Name())
	}
	if set.Changed("forward") {
		return s, usagef("--forward in the command cannot be shared out: %s", unsharedForward)
	}
	if set.Changed("screen-only") {
		return s, usagef("--screen-only in the command: it takes seconds and is not shared out, run it by itself")
	}
	if set.Changed("seeds") {
		if err := ofOneEstimate(set); err != nil {
			return s, err
		}
	}
	for _, file := range files {
		if file == "-" {
			return s, usagef("standard input is for one process, not for all tasks: give a file")
		}
	}
	output := set.Lookup("output")
	if s.output = output.Value.String(); s.output == "" || s.output == "-" {
		return s, usagef("the command has no --output: say which file the answer goes to")
	}
	if set.Lookup("format") != nil {
		switch form := set.Lookup("format").Value.String(); {
		case form == formJSON && !set.Changed("json"):
			s.form = append(s.form, "--json")
		case form == formCSV && !strings.EqualFold(filepath.Ext(s.output), ".csv"):
			return s, usagef("--format csv and --output %s: name the file .csv, by which mine merge knows the form", s.output)
		}
	}
	s.args = append([]string{cmd.Name()}, files...)
	set.Visit(func(flag *pflag.Flag) {
		word := "--" + flag.Name + "=" + given(flag)
		switch flag.Name {
		case "output":
			return
		case "json", "unit":
			s.form = append(s.form, word)
		}
		s.args = append(s.args, word)
	})
	return s, nil
}

// shardedNames lists the commands that take --shard.
func shardedNames(root *cobra.Command) (names []string) {
	for _, c := range root.Commands() {
		if c.Flags().Lookup("shard") != nil {
			names = append(names, c.Name())
		}
	}
	return names
}

// script is what the template is filled with.
func (f *slurmFlags) script(s sharded) any {
	words := func(all []string) string {
		quotes := make([]string, len(all))
		for i, w := range all {
			quotes[i] = quoted(w)
		}
		return strings.Join(quotes, " ")
	}
	folder := strings.TrimSuffix(s.output, "/") + ".parts"
	var parts []string
	for i := range f.shards {
		parts = append(parts, quoted(fmt.Sprintf("%s/%d", folder, i)))
	}
	return struct {
		Command, Merge, Folder, Memory, Time string
		Shards, Last, CPUs                   int
		Options                              []string
	}{
		words(s.args), words(append([]string{"merge"}, s.form...)) + " --output=" + quoted(s.output) + " " + strings.Join(parts, " "),
		quoted(folder), f.memory, f.time, f.shards, f.shards - 1, f.cpus, f.options,
	}
}

// slurmScript submits both jobs. The jobs are here-documents in quotes, in which the submitting shell replaces
// nothing; --shard and not the environment says which share a task has, so that single tasks can be repeated.
var slurmScript = template.Must(template.New("slurm").Parse(`#!/bin/bash
# Submits mine in {{.Shards}} shares, and a job that merges them: bash THIS-FILE
set -euo pipefail
mkdir -p {{.Folder}}

array=$(sbatch --parsable <<'JOB'
#!/bin/bash
#SBATCH --job-name=mine
#SBATCH --array=0-{{.Last}}
#SBATCH --cpus-per-task={{.CPUs}}
#SBATCH --mem={{.Memory}}
#SBATCH --time={{.Time}}
{{- range .Options}}
#SBATCH {{.}}
{{- end}}
mine {{.Command}} --threads={{.CPUs}} \
  --shard="$SLURM_ARRAY_TASK_ID/{{.Shards}}" --output={{.Folder}}/"$SLURM_ARRAY_TASK_ID"
JOB
)

sbatch --dependency="afterok:${array%%;*}" --kill-on-invalid-dep=yes <<'JOB'
#!/bin/bash
#SBATCH --job-name=mine-merge
#SBATCH --cpus-per-task=1
#SBATCH --mem={{.Memory}}
#SBATCH --time={{.Time}}
{{- range .Options}}
#SBATCH {{.}}
{{- end}}
mine {{.Merge}}
JOB
`))
