package main

import (
	"bytes"
	"strings"

	"github.com/spf13/cobra"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a completion script for bash, zsh, fish or powershell",
		Long: `Print a script that makes a shell complete commands, flags, their values and
the column names of the file on the command line.`,
		Example: `  source <(mine completion bash)
  mine completion zsh > "${fpath[1]}/_mine"
  mine completion fish > ~/.config/fish/completions/mine.fish`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one shell: %s", strings.Join(shells, ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var script bytes.Buffer
			var err error
			switch root := cmd.Root(); args[0] {
			case "bash":
				err = root.GenBashCompletionV2(&script, true)
			case "zsh":
				err = root.GenZshCompletion(&script)
			case "fish":
				err = root.GenFishCompletion(&script, true)
			case "powershell":
				err = root.GenPowerShellCompletionWithDesc(&script)
			default:
				err = usagef("no completion for shell %q, want one of %s", args[0], strings.Join(shells, ", "))
			}
			if err != nil {
				return err
			}
			return write(cmd, script.Bytes())
		},
	}
}
