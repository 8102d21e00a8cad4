package metrics_test

import (
	"fmt"
	"log"

	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace/picture"
)

// pictures returns an HR picture of vertical stripes and its blurred copy.
func pictures() (sr, hr *picture.Image) {
	sr, hr = picture.NewImage(32, 32), picture.NewImage(32, 32)
	for i := range hr.Pix {
		if i/3%4 < 2 {
			hr.Pix[i] = 0.8
		}
		sr.Pix[i] = 0.4
	}
	return sr, hr
}

func ExampleExplain() {
	rows, err := metrics.Explain(pictures())
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range rows {
		if r.Preset == "basicsr" {
			fmt.Println(metrics.FormatScore(r.Score.Value, r.Score.Passport), r.Score.Passport.ID)
		}
	}
	// Output:
	// 7.96 psnr/rgb/crop4
	// 0.0056 ssim/rgb/crop4
	// 9.28 psnr/y601studio/crop4
	// 0.0076 ssim/y601studio/crop4
}

func ExampleTable() {
	psnr := metrics.PSNRMetric{}
	table, err := metrics.NewTable(psnr.Info())
	if err != nil {
		log.Fatal(err)
	}
	sr, hr := pictures()
	score, err := metrics.ScoreOf(psnr, sr, hr)
	if err != nil {
		log.Fatal(err)
	}
	if err := table.Add("blurred", "stripes", score); err != nil {
		log.Fatal(err)
	}

	// A score of another convention has no place in that column.
	other, err := metrics.ScoreOf(metrics.PSNRMetric{Colour: metrics.YStudio}, sr, hr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(table.Add("blurred", "stripes", other))
	fmt.Print(table.Markdown())
	// Output:
	// blurred, stripes: no column for psnr/y601studio/crop0: scores of different passports do not mix
	// | method | images | PSNR (dB) ↑ |
	// |---|--:|--:|
	// | blurred | 1 | 7.96 |
	//
	// Mean over images [95 % percentile bootstrap interval over images, 2000 resamples]. Conventions:
	//
	// - PSNR (dB) ↑: `psnr/rgb/crop0`, against HR
}

func ExampleSSIM() {
	sr, hr := pictures()
	ssim, err := metrics.SSIM(sr, hr)
	if err != nil {
		log.Fatal(err)
	}
	same, err := metrics.SSIM(hr, hr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.4f %.4f\n", ssim, same)
	// Output: 0.0056 1.0000
}
