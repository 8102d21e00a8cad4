package metrics

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/shared"
)

// Means over the five pictures of Set5 ×4 as the papers print them: IMDN (Hui
// et al. 2019), RCAN (Zhang et al. 2018), RDN (Zhang et al. 2018); the further
// digits by BasicSR's functions on the published result images.
func TestSet5Published(t *testing.T) {
	dir := shared.Path(t, "data", "results_set5_x4")
	pictures := []string{"baby", "bird", "butterfly", "head", "woman"}
	psnr, ssim := PSNRMetric{Colour: YStudio, Crop: 4}, SSIMMetric{Colour: YStudio, Crop: 4}
	table, err := NewTable(psnr.Info(), ssim.Info(), PSNRMetric{}.Info())
	if err != nil {
		t.Fatal(err)
	}
	methods := []struct {
		name           string
		psnr, ssim     float64
		printed, third string
		rgb            float64
	}{
		{"IMDN", 32.2114, .8948, "32.21", "0.8948", 30.207},
		{"RCAN", 32.6336, .9002, "32.63", "0.9002", 30.609},
		{"RDN", 32.4689, .8990, "32.47", "0.8990", 30.451},
		{"RCANplus", 32.7320, .9013, "32.73", "0.9013", 0},
		{"RDNplus", 32.6103, .9003, "32.61", "0.9003", 0},
	}
	for _, m := range methods {
		for _, img := range pictures {
			sr := read(t, dir, m.name, img+"_"+m.name+"_x4.png")
			hr := read(t, dir, "HR", img+"_HR_x4.png")
			for _, metric := range []Metric{psnr, ssim, PSNRMetric{}} {
				score, err := ScoreOf(metric, sr, hr)
				if err != nil {
					t.Fatal(err)
				}
				if err := table.Add(m.name, img, score); err != nil {
					t.Fatal(err)
				}
			}
		}
		p, s := table.Cell(m.name, psnr.Info().ID), table.Cell(m.name, ssim.Info().ID)
		near(t, m.name+" PSNR", p.Mean, m.psnr, 6e-5)
		near(t, m.name+" SSIM", s.Mean, m.ssim, 6e-5)
		if m.rgb != 0 {
			near(t, m.name+" PSNR of RGB", table.Cell(m.name, psnrInfo.ID).Mean, m.rgb, 6e-4)
		}
		if got := FormatScore(p.Mean, psnr.Info()) + "/" + FormatScore(s.Mean, ssim.Info()); got != m.printed+"/"+m.third {
			t.Errorf("%s: table says %s, paper %s/%s", m.name, got, m.printed, m.third)
		}
		if p.N != 5 || !(p.Low < p.Mean && p.Mean < p.High) {
			t.Errorf("%s: interval %+v", m.name, p)
		}
	}
	t.Log("\n" + table.Markdown())
}

// Official scores of public pairs, from
// pyiqa's ResultsCalibra: SSIM by the authors' MATLAB script, not shrunk.
func TestCalibrationPublished(t *testing.T) {
	dir := shared.Path(t, "data", "pyiqa_calib")
	for _, c := range []struct {
		name             string
		psnr, ssim, dbTo float64
	}{
		{"I03", 21.11, .6993, .005}, {"I06", 27.01, .9989, .005}, {"I19", 21.62, .6519, .005},
	} {
		dist, ref := read(t, dir, "dist", c.name+".bmp"), read(t, dir, "ref", c.name+".bmp")
		for _, m := range []struct {
			metric          Metric
			want, tolerance float64
		}{{PSNRMetric{}, c.psnr, c.dbTo}, {SSIMMetric{Colour: Gray}, c.ssim, 5e-5}} {
			got, err := m.metric.Score(dist, ref)
			if err != nil {
				t.Fatal(err)
			}
			near(t, c.name+" "+m.metric.Info().ID, got, m.want, m.tolerance+1e-9)
		}
	}
}

// Each LR image of the benchmark sets is what its HR image shrinks to, so that
// the HR image is perfectly consistent, and some 45 dB off by today's MATLAB.
func TestHRIsConsistentWithBenchmarkLR(t *testing.T) {
	for _, set := range []string{"Set5_x4", "Set14_x4"} {
		dir := shared.Path(t, "data", "sr_test", set)
		files, err := filepath.Glob(filepath.Join(dir, "*_HR.png"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		for _, file := range files {
			hr, lr := read(t, file), read(t, strings.Replace(file, "_HR.png", "_LR.png", 1))
			got, err := LRPSNRMetric{Downscaling: MATLABU8Replicate}.Score(hr, lr)
			if err != nil || !math.IsInf(got, 1) {
				t.Errorf("%s: %v dB, %v, want +Inf", file, got, err)
			}
			if got, err := LRPSNR(hr, lr); err != nil || got < 40 || math.IsInf(got, 1) {
				t.Errorf("%s, today's MATLAB: %v dB, %v", file, got, err)
			}
		}
	}
}

// Map and residual hold the errors whose PSNR is LR consistency.
func TestLRMapMean(t *testing.T) {
	sr, lr := read(t, "testdata", "c_up.png"), read(t, "testdata", "c_lr.png")
	m, err := LRPSNRMetric{}.Map(sr, lr)
	if err != nil {
		t.Fatal(err)
	}
	if m.Width != lr.Width || m.Height != lr.Height {
		t.Fatalf("map of %d×%d, want that of the LR image", m.Width, m.Height)
	}
	near(t, "PSNR of the map's mean", decibels(m.Mean()), 45.598231469999305, 1e-9) // as in TestPSNRTestdata
	residual, err := LRResidual(sr, lr, 1)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range residual.Pix {
		d := (float64(v) - 0.5) * 255
		sum += d * d
	}
	near(t, "PSNR of the residual", decibels(sum/float64(len(residual.Pix))), 45.598231469999305, 1e-4)
}
