package bench

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func quick(t *testing.T, only ...string) *Report {
	t.Helper()
	done := 0
	report, err := Run(context.Background(), Options{Backends: []string{"go"}, Only: only, Quick: true,
		Progress: func(n, total int, _ string) {
			if n < done || n > total {
				t.Errorf("progress went from %d to %d of %d", done, n, total)
			}
			done = n
		}})
	if err != nil {
		t.Fatal(err)
	}
	if done == 0 {
		t.Error("no progress")
	}
	return report
}

func TestQuickRun(t *testing.T) {
	report := quick(t, "psnr", "ssim", "space")
	if len(report.Rows) < 4 {
		t.Fatalf("rows %+v", report.Rows)
	}
	for _, r := range report.Rows {
		if !(r.Min > 0 && r.Min <= r.Median && r.Median <= r.Max) || r.N < 1 || r.Threads < 1 || r.Unit == "" {
			t.Errorf("row %+v", r)
		}
	}
	if report.Machine.Processor == "" || report.Machine.Cores < 1 {
		t.Errorf("machine %+v", report.Machine)
	}
}

func TestFileRoundTrip(t *testing.T) {
	report := quick(t, "psnr")
	path := filepath.Join(t.TempDir(), "report.json")
	if err := report.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, report) {
		t.Errorf("read %+v\nwrote %+v", got, report)
	}
}

func TestSummary(t *testing.T) {
	median, low, high, n := summary([]float64{4, 1, 3, 2})
	if median != 2.5 || low != 1 || high != 4 || n != 4 {
		t.Errorf("summary %v %v %v %v", median, low, high, n)
	}
	if median, _, _, _ := summary([]float64{9, 1, 3}); median != 3 {
		t.Errorf("median of three %v", median)
	}
}

// A rate that doubled and a time that halved are both twice better; a row of
// another unit or backend is not compared.
func TestCompare(t *testing.T) {
	report := func(rows ...Row) *Report { return &Report{Rows: rows} }
	before := report(
		Row{ID: "a", Unit: "samples/s", Median: 10, Min: 9, Max: 11},
		Row{ID: "b", Unit: "ms", Median: 10, Min: 9, Max: 11},
		Row{ID: "c", Unit: "ms", Median: 10, Min: 9, Max: 11},
		Row{ID: "d", Unit: "ms", Backend: "go", Median: 1})
	now := report(
		Row{ID: "a", Unit: "samples/s", Median: 20, Min: 19, Max: 21},
		Row{ID: "b", Unit: "ms", Median: 5, Min: 4, Max: 6},
		Row{ID: "c", Unit: "ms", Median: 10.5, Min: 10, Max: 12},
		Row{ID: "d", Unit: "ms", Backend: "onnx:cpu", Median: 1})
	var out bytes.Buffer
	if err := Compare(&out, before, now); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for line := range strings.Lines(out.String()) {
		f := strings.Fields(line)
		got[f[0]] = f[1:]
	}
	want := map[string][]string{
		"what": {"backend", "before", "now", "unit", "times", "better"},
		"a":    {"10.0", "20.0", "samples/s", "2.00"},
		"b":    {"10.0", "5.00", "ms", "2.00"},
		"c":    {"10.0", "10.5", "ms", "0.95", "within", "the", "variation"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("compared %v, want %v", got, want)
	}
}

func TestMarkdown(t *testing.T) {
	report := &Report{Machine: Machine{Processor: "abacus", Cores: 2}, LoadBefore: 3,
		Rows: []Row{{ID: "a", Backend: "go", Unit: "ms", Threads: 2, Median: 1234.5, Min: 0.01234, Max: 12.34, N: 3, PeakMiB: 99.6}}}
	got := report.Markdown()
	for _, want := range []string{"| a | go | 2 | 1234 | 0.0123 | 12.3 | 3 | ms | 100 |", "abacus, 2 cores", "busy with other work (load 3.0 on 2 cores"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	if _, err := Run(context.Background(), Options{Only: []string{"speed"}}); err == nil || !strings.Contains(err.Error(), `"speed"`) {
		t.Errorf("unknown name: %v", err)
	}
	if _, err := Run(context.Background(), Options{Backends: []string{"abacus"}, Only: []string{"psnr"}}); err == nil {
		t.Error("unknown backend runs")
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("no file reads")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, Options{Backends: []string{"go"}, Only: []string{"psnr"}, Quick: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// What the machine lacks is a note, not an error.
func TestMissingIsNoted(t *testing.T) {
	report := quick(t, "gpu", "gpu-samples", "engine", "cells")
	if len(report.Rows) != 0 || len(report.Notes) != 4 {
		t.Errorf("rows %v, notes %q", report.Rows, report.Notes)
	}
}
