//go:build goexperiment.simd

package main

import "github.com/trustsr/trustsr/kernel/command"

func main() { command.Execute() }
