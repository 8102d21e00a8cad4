// Command publishedweights packs the weights that package metrics embeds:
// those of LPIPS 0.1 with AlexNet and SqueezeNet, the linear layers of LPIPS
// with VGG16, and those of DISTS. Convolutions are float16 where that costs
// least. The first layer, whose rounding alone would move the fourth digit of
// LPIPS-alex, and all that is small are float32.
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
	dir := flag.String("dir", "", "folder with lpips/ and dists/ as their authors published them, converted to safetensors")
	out := flag.String("o", ".", "folder to write to")
	flag.Parse()

	read := func(name string) weights.Dict {
		dict, _, err := weights.ReadSafetensors(filepath.Join(*dir, name))
		if err != nil {
			log.Fatal(err)
		}
		return dict
	}
	write := func(name string, dict weights.Dict, dtype string, meta map[string]string) {
		if err := weights.WriteSafetensors(filepath.Join(*out, name), dict, dtype, meta); err != nil {
			log.Fatal(err)
		}
	}
	lin := read("lpips/lpips_lin_v0.1.safetensors")
	for net, file := range map[string]string{"alex": "alexnet_features", "squeeze": "squeezenet1_1_features", "vgg": ""} {
		half, full := weights.Dict{}, weights.Dict{}
		meta := map[string]string{"lin": "richzhang/PerceptualSimilarity lpips/weights/v0.1/" + net + ".pth; BSD-2-Clause"}
		if file != "" {
			meta["features"] = "torchvision " + strings.TrimSuffix(file, "_features") + " IMAGENET1K_V1, OIHW; BSD-3-Clause"
			for name, t := range read("lpips/" + file + ".safetensors") {
				if len(t.Shape) == 4 && name != "features.0.weight" {
					half[name] = t
				} else {
					full[name] = t
				}
			}
			write(net+"_float16.safetensors", half, "F16", meta)
		}
		for name, t := range lin {
			if rest, ok := strings.CutPrefix(name, net+"."); ok {
				full[rest] = t
			}
		}
		write(net+"_float32.safetensors", full, "F32", meta)
	}
	write("dists.safetensors", read("dists/dists_alpha_beta.safetensors"), "F32", map[string]string{"source": "dingkeyan93/DISTS; MIT"})
}
