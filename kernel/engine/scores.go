package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trustsr/trustsr/internal/atomicfile"
	"github.com/trustsr/trustsr/kernel/engine/wire"
	"github.com/trustsr/trustsr/metrics"
	"github.com/trustsr/trustsr/srspace"
)

// scoreBatch is how many images are scored between two reports of progress.
const scoreBatch = 27

// scoreRecord holds scores of one metric against one HR image, kept by the
// content of the scored image: whatever space it is in, it is scored once.
type scoreRecord struct {
	Metric  string             `json:"metric"` // id with convention
	Weights string             `json:"weights_sha256"`
	HR      string             `json:"hr_sha256"`
	Scores  map[string]float64 `json:"scores"` // by Image.Hash
}

// perception returns the score of each image against hr, and the passport of
// the metric. Known scores come from disk.
func (e *Engine) perception(ctx context.Context, hr *srspace.Image, images []*srspace.Image, report func(wire.Progress)) ([]float64, metrics.Info, error) {
	e.scoring.Lock()
	defer e.scoring.Unlock()
	metric, err := e.config.Tools.Perception()
	if err != nil {
		return nil, metrics.Info{}, err
	}
	info := metric.Info()
	record := scoreRecord{Metric: info.ID, Weights: info.Weights, HR: hr.Hash(), Scores: map[string]float64{}}
	key := sha256.Sum256([]byte(record.Metric + "\n" + record.Weights + "\n" + record.HR))
	path := filepath.Join(e.scoresDir(), hex.EncodeToString(key[:12])+".json")
	if data, err := os.ReadFile(path); err == nil {
		var found scoreRecord
		if json.Unmarshal(data, &found) == nil && found.Metric == record.Metric && found.Weights == record.Weights && found.HR == record.HR && found.Scores != nil {
			record = found
		}
	}
	hashes := make([]string, len(images))
	queued := map[string]bool{}
	var names []string
	var missing []*srspace.Image
	for i, img := range images {
		hashes[i] = img.Hash()
		if _, ok := record.Scores[hashes[i]]; !ok && !queued[hashes[i]] {
			queued[hashes[i]] = true
			names, missing = append(names, hashes[i]), append(missing, img)
		}
	}
	progress := &drawing{report: func(p wire.Progress) { p.Note = "scoring (" + info.Name + ")"; report(p) }}
	for start := 0; start < len(missing); start += scoreBatch {
		if ctx.Err() != nil {
			return nil, info, ctx.Err()
		}
		progress.samples(start, len(missing))
		end := min(start+scoreBatch, len(missing))
		got, err := metrics.ScoreAll(ctx, metric, missing[start:end], hr)
		if err != nil {
			return nil, info, err
		}
		for i, v := range got {
			record.Scores[names[start+i]] = v
		}
		data, err := json.Marshal(record) // fails on an infinite score
		if err != nil {
			return nil, info, fmt.Errorf("keeping scores: %w", err)
		}
		if err := atomicfile.Write(path, data); err != nil {
			return nil, info, fmt.Errorf("keeping scores: %w", err)
		}
	}
	out := make([]float64, len(images))
	for i, hash := range hashes {
		out[i] = record.Scores[hash]
	}
	return out, info, nil
}
