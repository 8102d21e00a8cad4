package deps

import (
	_ "github.com/chromedp/chromedp"
	_ "github.com/go-zeromq/zmq4"
	_ "github.com/gomlx/compute-onnx"
	_ "github.com/gomlx/go-xla/compute/xla"
	_ "github.com/gomlx/gomlx/core/graph"
	_ "github.com/janpfeifer/gonb/gonbui"
	_ "github.com/schollz/progressbar/v3"
	_ "github.com/spf13/cobra"
	_ "golang.org/x/image/bmp"
	_ "golang.org/x/tools/imports"
	_ "gonum.org/v1/gonum/stat"
	_ "gonum.org/v1/plot"
)
