package onnx_test

import (
	"context"
	"fmt"
	"log"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/onnx"
	"github.com/trustsr/trustsr/srspace/picture"
)

// A generator whose file does not say that its pictures are in [-1,1] fills a
// space of 20 samples; the same call later draws what is missing.
func ExampleOpen() {
	sampler, err := onnx.Open("generator-x4.onnx", "", onnx.Options{LRRange: onnx.Range{-1, 1}, Output: "sr", OutputRange: onnx.Range{-1, 1}})
	if err != nil {
		log.Fatal(err)
	}
	lr, err := picture.ReadFile("lr.png")
	if err != nil {
		log.Fatal(err)
	}
	space, err := srspace.Create("space", lr, sampler.Recipe(), 0)
	if err != nil {
		log.Fatal(err)
	}
	if err := space.Draw(context.Background(), sampler, 20, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(space.Len(), "samples,", sampler.Recipe().Scale, "times as large")
}
