// Command trustsr draws the set of images that a low-resolution picture could
// have come from, lets people choose, and combines what they chose:
//
//	GOEXPERIMENT=simd go install github.com/trustsr/trustsr/kernel/trustsr@latest
//	trustsr --help
//
// Without GOEXPERIMENT=simd it works too; GoMLX's pure Go backend is then about
// ten times slower. The notebook needs a checkout of the module, in which "go run
// ./kernel" builds this command by itself.
package main

import "github.com/trustsr/trustsr/kernel/command"

func main() { command.Execute() }
