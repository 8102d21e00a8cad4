// Package command is trustsr's command line: one file a subcommand.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/jupyter"
)

// Execute is the process of the command: it sets the environment in which the
// backends are fast, runs the command line and exits.
func Execute() {
	if env := backend.FasterEnvironment(); env != nil {
		if self, err := os.Executable(); err == nil {
			_ = syscall.Exec(self, os.Args, env) // where it fails, all is only slower
		}
	}
	os.Exit(Main(os.Args[1:]))
}

// Main runs the command line and returns the exit status. An error is
// printed as one line, with a hint where there is one; a panic too.
func Main(args []string) (status int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintln(os.Stderr, "error: internal:", r)
			fmt.Fprintln(os.Stderr, "hint: this is a bug in trustsr; please report the line above and the command")
			status = 2
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := Root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code jupyter.ExitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	report(os.Stderr, err)
	return 1
}

func report(w io.Writer, err error) {
	fmt.Fprintln(w, "error:", err)
	if advice := adviceOn(err); advice != "" {
		fmt.Fprintln(w, "hint:", advice)
	}
}

// Root is the command with all its subcommands.
func Root() *cobra.Command {
	root := &cobra.Command{
		Use:     "trustsr",
		Version: builtVersion(),
		Short:   "Trustworthy super-resolution: draw an SR space, choose, combine, check",
		Long: `From a low-resolution picture to one image, with the choices behind it:
draw samples of its SR space with a latent diffusion model, let people choose
those they trust, average the chosen, and see all of it on a plane of fidelity
and perception. Everything runs in Jupyter notebooks in Go.`,
		Example: `  go run ./kernel up                                  # open the quickstart notebook
  go run ./kernel exec notebooks/quickstart.ipynb     # run it without a browser
  go run ./kernel doctor                              # what is here, what is missing`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("trustsr {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(upCommand(), installCommand(), uninstallCommand(), execCommand(), sampleCommand(), mergeCommand(), tallyCommand(), studyCommand(), trainCommand(), scoreCommand(), benchCommand(), weightsCommand(), doctorCommand(), runCommand(), engineCommand())
	for _, c := range root.Commands() {
		if c.HasSubCommands() {
			refuseUnknown(c)
		}
	}
	return root
}

// refuseUnknown makes a command that only groups others fail on a name it does
// not have; cobra by itself does that for the root alone. Without a name it
// prints its help.
func refuseUnknown(c *cobra.Command) {
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		var names []string
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		return hint.With(fmt.Errorf("%s has no command %q", c.CommandPath(), args[0]), "there are: "+strings.Join(names, ", "))
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
}

func builtVersion() string {
	info, _ := debug.ReadBuildInfo()
	return version(info)
}
