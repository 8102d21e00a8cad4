package app

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// writeMaps writes the maps of the metrics that have them into
// dir/METHOD/IMAGE.METRIC.png: errors in decibels as their root, black none and
// white 51 of 255; other scores black the worst of [0,1] and white the best.
// LR consistency has the signed residual too, grey where there is none, eight
// times enlarged.
func writeMaps(ctx context.Context, dir string, set *scoreSet, chosen []metrics.Metric) error {
	for _, g := range set.groups() {
		pictures, refs, err := set.load(g)
		if err != nil {
			return err
		}
		for i, p := range g.pictures {
			if err := ctx.Err(); err != nil {
				return err
			}
			folder := filepath.Join(dir, strings.Trim(strings.ReplaceAll(p.method, string(filepath.Separator), "-"), ".-"))
			if err := os.MkdirAll(folder, 0o777); err != nil {
				return err
			}
			path := func(what string) string {
				return filepath.Join(folder, strings.ReplaceAll(p.name, "/", "-")+"."+strings.ReplaceAll(what, "/", "-")+".png")
			}
			for _, m := range chosen {
				info := m.Info()
				mapper, ok := m.(metrics.Mapper)
				ref := refs[info.Reference]
				if !ok || ref == nil || metrics.CheckLuma(info.ID, p.path, g.hr) != nil {
					continue
				}
				values, err := mapper.Map(pictures[i], ref)
				if NoScore(err) {
					continue
				}
				if err != nil {
					return fmt.Errorf("%s: %w", p.path, err)
				}
				if err := mapImage(values, info).WritePNG(path(info.ID)); err != nil {
					return err
				}
				if info.Reference == metrics.LR {
					residual, err := metrics.LRResidual(pictures[i], ref, 8)
					if err != nil {
						return fmt.Errorf("%s: %w", p.path, err)
					}
					if err := residual.WritePNG(path("lr-residual")); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func mapImage(values *metrics.Map, info metrics.Info) *picture.Image {
	switch {
	case info.Unit == "dB": // a map of squared errors
		root := metrics.NewMap(values.Width, values.Height)
		for i, v := range values.Values {
			root.Values[i] = math.Sqrt(v)
		}
		return root.Image(0, 51)
	case info.Direction == metrics.LowerIsBetter:
		return values.Image(1, 0)
	}
	return values.Image(0, 1)
}
