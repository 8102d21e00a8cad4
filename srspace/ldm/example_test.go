package ldm_test

import (
	"context"
	"fmt"
	"log"

	"github.com/trustsr/trustsr/srspace"
	"github.com/trustsr/trustsr/srspace/ldm"
)

// zeros is an array of a shape, all zero.
func zeros(shape ...int) *ldm.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return &ldm.Tensor{Shape: shape, Data: make([]float32, n)}
}

// A checkpoint is a file (.safetensors, .ckpt, .pth, .bin) or a diffusers
// folder. Its networks take and give arrays, [batch, channels, height, width]
// with pictures in [-1,1].
func ExampleOpen() {
	checkpoint, err := ldm.Open("../digits/data/model.safetensors")
	if err != nil {
		log.Fatal(err)
	}
	defer checkpoint.Close()
	model, err := checkpoint.Load("go") // a GoMLX backend; "" chooses one
	if err != nil {
		log.Fatal(err)
	}

	// The first stage: picture, latent, codes, picture.
	latent, err := model.Encode(zeros(1, 1, 28, 28), nil)
	if err != nil {
		log.Fatal(err)
	}
	numbers, codes, err := model.Quantize(latent)
	if err != nil {
		log.Fatal(err)
	}
	img, err := model.Decode(codes, nil, false) // true would quantise first
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(latent.Shape, len(numbers), img.Shape)

	// The UNet: the noise in x beside the LR picture, at time step 500.
	x, lr := zeros(2, 3, 7, 7), zeros(2, 1, 7, 7)
	eps, err := model.Denoise(x, lr, []float32{500, 500})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(eps.Shape)

	// A sampler: x is the first noise and becomes the sampled latent.
	plan, err := model.Config.Schedule.Plan("dpmpp-2m-sde", 4, 1)
	if err != nil {
		log.Fatal(err)
	}
	srspace.Noise(x.Data, 7, 0)
	noise := func(dst []float32, step int) { srspace.Noise(dst, 7, uint32(step)) }
	if err := model.SampleLatent(context.Background(), plan, x, lr, noise); err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan.Timesteps)
	// Output:
	// [1 3 7 7] 49 [1 1 28 28]
	// [2 3 7 7]
	// [999 749 500 250]
}
