//go:build goexperiment.simd

package main

import (
	"os"

	"github.com/trustsr/trustsr/kernel/command"
)

func main() { os.Exit(command.Main(os.Args[1:])) }
