package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/metrics"
)

// scoreOptions are the flags of kernel score.
type scoreOptions struct {
	app.ScoreOptions
	csv, data                    string
	json, explain, doctor, ntire bool
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
			case o.Scale < 1:
				return fmt.Errorf("%w: --scale %d", metrics.ErrUnknown, o.Scale)
			case o.doctor && o.explain:
				return errors.New("--doctor and --explain exclude each other")
			case o.doctor && !o.ntire:
				return scoreDoctor(c, o)
			case len(o.SR) == 0:
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
	f.StringArrayVar(&o.SR, "sr", nil, "folder or file of images to score; may be given several times")
	f.StringVar(&o.HR, "hr", "", "folder or file of HR images")
	f.StringVar(&o.LR, "lr", "", "folder or file of LR images, for LR consistency")
	f.StringVar(&o.Metrics, "metrics", "paper", "presets and ids, separated by commas")
	f.IntVar(&o.Scale, "scale", metrics.DefaultScale, "factor of super-resolution; presets that cut the border cut as many pixels")
	f.StringVar(&o.csv, "csv", "", "file for each score with its passport")
	f.StringVar(&o.Maps, "maps", "", "folder for spatial maps as PNG, of the metrics that have them")
	f.StringVar(&o.Cache, "cache", "", `folder of known scores; "none" keeps none (default: the user's cache)`)
	f.StringArrayVar(&o.SRName, "sr-name", nil, "pattern of the names in --sr, e.g. '{}_RCAN_x4'; once, or once for each --sr")
	f.StringVar(&o.HRName, "hr-name", "", "pattern of the names in --hr")
	f.StringVar(&o.LRName, "lr-name", "", "pattern of the names in --lr")
	f.BoolVar(&o.json, "json", false, "print JSON in place of Markdown")
	f.BoolVar(&o.explain, "explain", false, "print each pair under all presets; LR consistency against --lr if given")
	f.BoolVar(&o.ntire, "ntire", false, "print diversity and LR consistency of many samples of each HR image, as the NTIRE challenges")
	f.BoolVar(&o.doctor, "doctor", false, "print published scores of public pairs beside ours")
	f.StringVar(&o.data, "data", "", "with --doctor: folder of the public pairs, dist/I03.bmp and ref/I03.bmp …")
	return c
}

func score(c *cobra.Command, o scoreOptions) error {
	if o.csv != "" {
		if err := writable("--csv", o.csv); err != nil {
			return err
		}
	}
	var b bar
	o.Progress = func(done, total int) {
		if b == nil {
			b = newBar("scores", total)
		}
		b.Set(done)
	}
	scored, err := app.Score(c.Context(), o.ScoreOptions)
	if scored != nil {
		scored.Notes.Advise(adviceOn)
		printNotes(os.Stderr, &scored.Notes)
	}
	if err != nil {
		if b != nil {
			b.Break()
		}
		return inFlags(err)
	}
	return o.write(c.OutOrStdout(), scored.Table, &scored.Notes)
}

// write writes a table where and how the flags say.
func (o scoreOptions) write(w io.Writer, table *metrics.Table, notes *app.ScoreNotes) error {
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

// printNotes prints each kind of note once.
func printNotes(w io.Writer, notes *app.ScoreNotes) {
	for _, text := range notes.Files {
		fmt.Fprintln(w, "note:", text)
	}
	for _, note := range notes.Short() {
		fmt.Fprintf(w, "note: %s: %s\n", note.Metric, note.Reason)
		if note.Hint != "" {
			fmt.Fprintln(w, "hint:", note.Hint)
		}
	}
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
