package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// scoreOptions are the flags of kernel score.
type scoreOptions struct {
	sr                     []string
	hr, lr                 string
	srName                 []string
	hrName, lrName         string
	metrics                string
	scale                  int
	csv, maps, cache, data string
	json, explain, doctor  bool
	ntire                  bool
}

func scoreCommand() *cobra.Command {
	var o scoreOptions
	c := &cobra.Command{
		Use:   "score",
		Short: "Score images against HR and LR, each number with its convention",
		Long: `Scores the images of one or several folders against HR images of the same
names, or all of them against one HR image, and prints the means over images
with bootstrap intervals as a table in Markdown. Each --sr is a row.

--metrics takes presets and ids, separated by commas. The presets: ` + strings.Join(metrics.PresetNames(), ", ") + `.
An id spells its convention out: psnr/COLOUR/cropN, ssim/COLOUR/cropN,
lrpsnr/matlab-u8/vs-lr, lpips/NET/0.1 (alex, vgg, squeeze), dists/RESIZE
(noresize; pillow256 as the authors' command, torch256 as piq do with pictures
above 256 pixels), pieapp/27, pieapp/6, either with /border, nrqm/official …; a
wrong one lists them. A metric of
a preset that has no score, for want of weights or an LR image, or of a picture
too small or too large for it, or of luma in grey files, is left out with a
note; one named by its id is an error.

Files pair by name, without the extension; PNG, JPEG, GIF, BMP, TIFF and WebP
of 8 bits are read. A pattern such as --sr-name '{}_RCAN_x4' says where in a
file's name the picture's name is; * stands for anything. Files that do not fit
it are passed over with a note, so that HR and LR may lie in one folder. With
several --sr, --sr-name is for all, or is given once for each in the same order.
Pictures in sub-folders are taken where a folder itself has none.

LR consistency needs LR images of the factor --scale; it is part of each record.

--ntire scores sets of samples as the NTIRE challenges "Learning the SR Space"
do: diversity, and the worst and mean LR-PSNR against the downscaled HR image.
Samples are called NAME_sample00000.png … beside an HR image NAME.png, or, as in
the challenges' own folders, 000000_sample00000.png … of the first HR image in
the order of their names; if --hr is one file, all of --sr are samples of it.

Known scores are kept by the content of both pictures and are not worked out
again; Ctrl-C loses nothing that is finished.`,
		Example: `  go run ./kernel score --sr results/ --hr Set5/HR --metrics paper --csv out.csv
  go run ./kernel score --sr RCAN --sr-name '{}_RCAN_x4' --sr SAN --sr-name '{}_SAN' --hr HR
  go run ./kernel score --sr RCAN --sr-name '{}_RCAN_x4' --hr HR --hr-name '{}_HR_x4' --metrics basicsr
  go run ./kernel score --sr mine --hr Set5_x4 --hr-name '{}_SRF_4_HR' --lr Set5_x4 --lr-name '{}_SRF_4_LR'
  go run ./kernel score --sr space/samples --hr hr.png --lr space/lr.png --metrics psnr/rgb/crop0,lrpsnr/matlab-u8/vs-lr
  go run ./kernel score --sr sr.png --hr hr.png --explain       # one pair under every preset
  go run ./kernel score --ntire --sr space/samples --hr hr.png  # diversity of all samples
  go run ./kernel score --doctor --data ResultsCalibra          # ours beside published scores`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case o.doctor && o.explain:
				return errors.New("--doctor and --explain exclude each other")
			case o.doctor && !o.ntire:
				return scoreDoctor(c, o)
			case len(o.sr) == 0:
				return hint.With(errors.New("no --sr"), "name the folder, or the file, of the images to score")
			case o.ntire:
				return scoreNTIRE(c, o)
			case o.explain:
				return scoreExplain(c, o)
			}
			return score(c, o)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.sr, "sr", nil, "folder or file of images to score; may be given several times")
	f.StringVar(&o.hr, "hr", "", "folder or file of HR images")
	f.StringVar(&o.lr, "lr", "", "folder or file of LR images, for LR consistency")
	f.StringVar(&o.metrics, "metrics", "paper", "presets and ids, separated by commas")
	f.IntVar(&o.scale, "scale", metrics.DefaultScale, "factor of super-resolution; presets that cut the border cut as many pixels")
	f.StringVar(&o.csv, "csv", "", "file for each score with its passport")
	f.StringVar(&o.maps, "maps", "", "folder for spatial maps as PNG, of the metrics that have them")
	f.StringVar(&o.cache, "cache", "", `folder of known scores; "none" keeps none (default: the user's cache)`)
	f.StringArrayVar(&o.srName, "sr-name", nil, "pattern of the names in --sr, e.g. '{}_RCAN_x4'; once, or once for each --sr")
	f.StringVar(&o.hrName, "hr-name", "", "pattern of the names in --hr")
	f.StringVar(&o.lrName, "lr-name", "", "pattern of the names in --lr")
	f.BoolVar(&o.json, "json", false, "print JSON in place of Markdown")
	f.BoolVar(&o.explain, "explain", false, "print each pair under all presets; LR consistency against --lr if given")
	f.BoolVar(&o.ntire, "ntire", false, "print diversity and LR consistency of many samples of each HR image, as the NTIRE challenges")
	f.BoolVar(&o.doctor, "doctor", false, "print published scores of public pairs beside ours")
	f.StringVar(&o.data, "data", "", "with --doctor: folder of the public pairs, dist/I03.bmp and ref/I03.bmp …")
	return c
}

func score(c *cobra.Command, o scoreOptions) error {
	chosen, err := metrics.Select(o.metrics, o.scale)
	if err != nil {
		return err
	}
	chosen = metrics.AtFactor(chosen, o.scale)
	if o.csv != "" {
		if err := writable("--csv", o.csv); err != nil {
			return err
		}
	}
	notes := &scoreNotes{missing: map[string]bool{}}
	if chosen, err = withoutLR(chosen, o, notes); err != nil {
		return err
	}
	set, err := openScoreSet(o, chosen)
	if err != nil {
		return err
	}
	set.noteFiles(os.Stderr, notes)
	if o.maps != "" {
		if err := os.MkdirAll(o.maps, 0o777); err != nil {
			return hint.With(fmt.Errorf("--maps: %w", err), "name a folder that can be made")
		}
	}
	cache, err := openScoreCache(o.cache)
	if err != nil {
		return err
	}
	defer cache.Close()

	bar := newBar("scores", set.images()*len(chosen))
	done := 0
	var found []metrics.Entry
	for _, group := range set.groups() {
		entries, err := set.scoreGroup(c.Context(), group, chosen, cache, notes, func(n int) { bar.Set(done + n) })
		if err != nil {
			bar.Break()
			if c.Context().Err() != nil {
				stopped := fmt.Errorf("stopped after about %d of %d scores", done, set.images()*len(chosen))
				if cache == nil {
					return stopped
				}
				return hint.With(stopped, "the same command goes on from there")
			}
			return err
		}
		found = append(found, entries...)
		done += len(group.pictures) * len(chosen)
		bar.Set(done)
	}
	table, err := tableOf(chosen, found)
	if err != nil {
		return err
	}
	if o.maps != "" {
		if err := writeMaps(c.Context(), o.maps, set, chosen); err != nil {
			return err
		}
	}
	notes.print(os.Stderr)
	if len(found) == 0 {
		return hint.With(errors.New("no metric has a score"), "the notes above say why; or choose others with --metrics")
	}
	return o.write(c.OutOrStdout(), table, notes)
}

// write writes a table where and how the flags say.
func (o scoreOptions) write(w io.Writer, table *metrics.Table, notes *scoreNotes) error {
	if o.csv != "" {
		var b bytes.Buffer
		if err := table.WriteCSV(&b); err != nil {
			return err
		}
		if err := atomicfile.Write(o.csv, b.Bytes()); err != nil {
			return err
		}
	}
	if o.json {
		return printScoreJSON(w, table, notes)
	}
	_, err := fmt.Fprint(w, table.Markdown())
	return err
}

// named reports whether --metrics has the id itself, in whatever spelling, not
// in a preset.
func (o scoreOptions) named(id string) bool {
	for item := range strings.SplitSeq(o.metrics, ",") {
		item = strings.TrimSpace(item)
		if item == id {
			return true
		}
		if m, err := metrics.Find(item); err == nil && m.Info().ID == id {
			return true
		}
	}
	return false
}

// writable returns an error unless a file can lie at path: an hour of scoring
// must not end there.
func writable(flag, path string) error {
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", folder)
	}
	if err != nil {
		return hint.With(fmt.Errorf("%s: %w", flag, err), "make the folder first: mkdir -p "+folder)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return hint.With(fmt.Errorf("%s: %s is a folder", flag, path), "name a file in it")
	}
	return nil
}

// withoutLR puts LR consistency against the downscaled HR image in the place
// of that against LR images where none are given.
func withoutLR(chosen []metrics.Metric, o scoreOptions, notes *scoreNotes) ([]metrics.Metric, error) {
	if o.lr != "" {
		return chosen, nil
	}
	chosen = slices.Clone(chosen)
	for i, m := range chosen {
		if m.Info().Reference != metrics.LR {
			continue
		}
		lrpsnr, ok := m.(metrics.LRPSNRMetric)
		if !ok || o.named(m.Info().ID) {
			return nil, hint.With(fmt.Errorf("%s compares with LR images, and there is no --lr", m.Info().ID), "name their folder with --lr")
		}
		lrpsnr.Scale, lrpsnr.Factor = o.scale, 0
		chosen[i] = lrpsnr
		notes.add(m.Info().ID, fmt.Errorf("no --lr: against the HR images downscaled by %d, %s", o.scale, lrpsnr.Info().ID))
	}
	// The id put in may have been asked for too.
	seen := map[string]bool{}
	return slices.DeleteFunc(chosen, func(m metrics.Metric) bool {
		id := m.Info().ID
		again := seen[id]
		seen[id] = true
		return again
	}), nil
}

// openScoreCache opens the cache of a folder, "" for the user's, or none.
func openScoreCache(dir string) (*metrics.Cache, error) {
	switch dir {
	case "none":
		return nil, nil
	case "":
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, hint.With(fmt.Errorf("score cache: %w", err), "name a folder with --cache, or --cache none")
		}
		dir = filepath.Join(user, "trustsr", "scores")
	}
	return metrics.OpenCache(dir)
}

// tableOf enters scores into a table with a column for each metric that has
// any.
func tableOf(chosen []metrics.Metric, found []metrics.Entry) (*metrics.Table, error) {
	var columns []metrics.Info
	for _, m := range chosen {
		info := m.Info()
		if slices.ContainsFunc(found, func(e metrics.Entry) bool { return e.Score.Passport == info }) {
			columns = append(columns, info)
		}
	}
	table, err := metrics.NewTable(columns...)
	if err != nil {
		return nil, err
	}
	for _, e := range found {
		if err := table.Add(e.Row, e.Image, e.Score); err != nil {
			return nil, err
		}
	}
	return table, nil
}

// scoreAlone scores the pictures of a group one by one, when one of them has no
// score; those that have none are left out with a note.
func (s *scoreSet) scoreAlone(ctx context.Context, m metrics.Metric, g scoreGroup, loaded []*picture.Image, ref *picture.Image, cache *metrics.Cache, notes *scoreNotes) ([]metrics.Entry, error) {
	var entries []metrics.Entry
	for i, p := range g.pictures {
		values, err := cache.ScoreAll(ctx, m, loaded[i:i+1], ref, nil)
		if app.NoScore(err) {
			notes.add(m.Info().ID, fmt.Errorf("%s: %w", p.path, withoutIndex(err)))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.path, withoutIndex(err))
		}
		entries = append(entries, metrics.Entry{Row: p.method, Image: p.name, Score: metrics.Score{Passport: m.Info(), Value: values[0]}})
	}
	return entries, nil
}
