// Command warm imports what notebook cells import; building it fills the
// build cache, so that the first cell is as fast as the others.
package main

import (
	"github.com/trustsr/trustsr/kernel/lab"
)

func main() { lab.Engine() }
