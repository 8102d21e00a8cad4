// Command lpipsweights packs the weights of LPIPS 0.1 with AlexNet into the
// two files that package metrics embeds: float16 where that costs least, and
// float32 for the first layer, whose rounding alone would move the fourth
// digit of the distance, and for all that is small.
package main

import (
	"flag"
	"log"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/internal/weights"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", "", "folder with alexnet_features.safetensors and lpips_lin_v0.1.safetensors")
	out := flag.String("o", ".", "folder to write float16.safetensors and float32.safetensors to")
	flag.Parse()

	alex, _, err := weights.ReadSafetensors(filepath.Join(*dir, "alexnet_features.safetensors"))
	if err != nil {
		log.Fatal(err)
	}
	lin, _, err := weights.ReadSafetensors(filepath.Join(*dir, "lpips_lin_v0.1.safetensors"))
	if err != nil {
		log.Fatal(err)
	}
	half, full := weights.Dict{}, weights.Dict{}
	for name, t := range alex {
		if len(t.Shape) == 4 && name != "features.0.weight" {
			half[name] = t
		} else {
			full[name] = t
		}
	}
	for name, t := range lin {
		if rest, ok := strings.CutPrefix(name, "alex."); ok {
			full[rest] = t
		}
	}
	meta := map[string]string{
		"features": "torchvision alexnet IMAGENET1K_V1, OIHW; BSD-3-Clause",
		"lin":      "richzhang/PerceptualSimilarity lpips/weights/v0.1/alex.pth; BSD-2-Clause",
	}
	if err := weights.WriteSafetensors(filepath.Join(*out, "float16.safetensors"), half, "F16", meta); err != nil {
		log.Fatal(err)
	}
	if err := weights.WriteSafetensors(filepath.Join(*out, "float32.safetensors"), full, "F32", meta); err != nil {
		log.Fatal(err)
	}
}
