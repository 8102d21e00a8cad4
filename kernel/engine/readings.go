package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/app"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
)

// readingsRecord is what the digit reader read in a space, kept in its folder
// as readings.json. A sample of a space never changes, so its seed names it;
// another reader starts anew.
type readingsRecord struct {
	Reader   string         `json:"reader"`
	Readings []wire.Reading `json:"readings"`
}

// readings returns what the reader reads in each sample of s, reading only
// those that it has not read before.
func (e *Engine) readings(ctx context.Context, s *space, report func(wire.Progress)) (*wire.Readings, error) {
	if w, h := s.size(); w != 28 || h != 28 {
		return nil, inCells(&app.NotDigitsError{Width: w, Height: h})
	}
	models := e.config.Tools.Models
	reader, err := waiting(ctx, report, models.Reader)
	if err != nil {
		return nil, err
	}
	record := readingsRecord{Reader: reader.ID()}
	path := filepath.Join(s.dir, "readings.json")
	known, err := readReadings(path, record.Reader)
	if err != nil {
		e.log.Printf("%s: %v: reading the samples again", path, err)
	}
	seeds := s.store.Seeds()
	var missing []uint64
	var images []*picture.Image
	for _, seed := range seeds {
		if _, ok := known[seed]; ok {
			continue
		}
		img, err := s.store.Image(seed)
		if err != nil {
			return nil, withContext("space "+s.name, err)
		}
		missing, images = append(missing, seed), append(images, img)
	}
	const batch = 81
	for len(missing) > 0 {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		report(wire.Progress{Done: len(seeds) - len(missing), Total: len(seeds), Note: "reading"})
		n := min(batch, len(missing))
		looks, read, err := models.ReadDigits(ctx, images[:n])
		if err != nil {
			return nil, err
		}
		for i, digit := range read {
			r := wire.Reading{Seed: missing[i], Probability: looks[i].Quality}
			if r.Digit, err = strconv.Atoi(digit); err != nil {
				return nil, fmt.Errorf("the reader read %q, no digit", digit)
			}
			known[missing[i]] = r
		}
		missing, images = missing[n:], images[n:]
	}
	out := &wire.Readings{Samples: make([]wire.Reading, 0, len(seeds))}
	for _, seed := range seeds {
		out.Samples = append(out.Samples, known[seed])
		out.Counts[known[seed].Digit]++
	}
	record.Readings = out.Samples
	if data, err := json.Marshal(record); err == nil {
		if old, err := os.ReadFile(path); err != nil || string(old) != string(data) {
			if err := atomicfile.Write(path, data); err != nil {
				e.log.Printf("keeping readings: %v", err)
			}
		}
	}
	return out, nil
}

// readReadings returns what reader read before; a file that is missing, cut
// or of another reader holds nothing.
func readReadings(path, reader string) (map[uint64]wire.Reading, error) {
	known := map[uint64]wire.Reading{}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	var record readingsRecord
	if err == nil {
		err = json.Unmarshal(data, &record)
	}
	if err != nil || record.Reader != reader {
		return known, err
	}
	for _, r := range record.Readings {
		if r.Digit >= 0 && r.Digit <= 9 {
			known[r.Seed] = r
		}
	}
	return known, nil
}

// standIn returns the k samples that are read as digit most surely, ties in
// order of seeds: what stands in for a person's picks when no person is there.
func standIn(readings *wire.Readings, digit, k int) ([]uint64, error) {
	if digit < 0 || digit > 9 {
		return nil, hint.With(fmt.Errorf("the stand-in cannot look for digit %d", digit), "use 0 to 9")
	}
	var read []wire.Reading
	for _, r := range readings.Samples {
		if r.Digit == digit {
			read = append(read, r)
		}
	}
	if len(read) == 0 {
		return nil, hint.With(fmt.Errorf("none of %d samples is read as %d", len(readings.Samples), digit),
			"space.Readings() shows which digits are read")
	}
	slices.SortStableFunc(read, func(a, b wire.Reading) int {
		switch {
		case a.Probability > b.Probability:
			return -1
		case a.Probability < b.Probability:
			return 1
		}
		return 0
	})
	var seeds []uint64
	for _, r := range read[:min(k, len(read))] {
		seeds = append(seeds, r.Seed)
	}
	return seeds, nil
}
