//go:build !goexperiment.simd

// Command kernel is trustsr's command: go run ./kernel --help.
//
// GoMLX's pure Go backend needs GOEXPERIMENT=simd, about tenfold in speed,
// and go.mod cannot set it. So what plain "go run ./kernel" compiles is this
// launcher: it builds the command with the experiment, through the build
// cache, and becomes it.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/project"
)

func main() {
	if err := launch(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		if advice := hint.Of(err); advice != "" {
			fmt.Fprintln(os.Stderr, "hint:", advice)
		}
		os.Exit(1)
	}
}

func launch() error {
	root, err := project.Root()
	if err != nil {
		return err
	}
	binary := filepath.Join(root, ".lab", "bin", "trustsr")
	if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
		return err
	}
	build := exec.Command("go", "build", "-o", binary, "./kernel")
	build.Dir = root
	build.Env = append(os.Environ(), "GOEXPERIMENT=simd")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	slow := time.AfterFunc(1500*time.Millisecond, func() {
		fmt.Fprintln(os.Stderr, "building trustsr (the first time it takes two minutes) …")
	})
	err = build.Run()
	slow.Stop()
	if err != nil {
		return fmt.Errorf("go build ./kernel: %w", err)
	}
	env := append(os.Environ(), project.EnvRoot+"="+root)
	return syscall.Exec(binary, append([]string{"trustsr"}, os.Args[1:]...), env)
}
