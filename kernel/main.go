//go:build goexperiment.simd

package main

import (
	"os"
	"syscall"

	"github.com/trustsr/trustsr/internal/backend"
	"github.com/trustsr/trustsr/kernel/command"
)

func main() {
	if env := backend.FasterEnvironment(); env != nil {
		if self, err := os.Executable(); err == nil {
			_ = syscall.Exec(self, os.Args, env) // where it fails, all is only slower
		}
	}
	os.Exit(command.Main(os.Args[1:]))
}
