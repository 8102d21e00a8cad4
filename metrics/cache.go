package metrics

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/trustsr/trustsr/srspace/picture"
)

// cacheFile is the file of scores in a cache's folder. A change of what any
// metric computes under an unchanged id needs a new name.
const cacheFile = "scores-1.jsonl"

// A Cache keeps scores in a folder, by the content of both pictures, the id of
// the metric and the hash of its weights: a score is worked out once, whatever
// the files are called. A killed run loses only what it was working on.
//
// Methods may be called concurrently, and several processes may use one folder:
// each score is one line appended in one write. Lines that cannot be read,
// such as the last of a machine that lost power, are passed over. A nil *Cache
// keeps nothing and works.
type Cache struct {
	mu     sync.Mutex
	scores map[cacheKey]float64
	file   *os.File
}

type cacheKey struct {
	metric, weights, image, ref string
}

// cacheLine is a line of the file, in JSON.
type cacheLine struct {
	Metric  string `json:"metric"`
	Weights string `json:"weights"`
	Image   string `json:"image"` // Image.Hash
	Ref     string `json:"ref"`   // "" for metrics without a reference
	Score   string `json:"score"` // shortest decimal that is this float64, +Inf or -Inf
}

// OpenCache opens the cache of a folder, which it makes if need be.
func OpenCache(dir string) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("score cache: %w", err)
	}
	path := filepath.Join(dir, cacheFile)
	c := &Cache{scores: map[cacheKey]float64{}}
	data, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("score cache: %w", err)
	default:
		err := c.read(data)
		data.Close()
		if err != nil {
			return nil, fmt.Errorf("score cache: %w", err)
		}
	}
	if c.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666); err != nil {
		return nil, fmt.Errorf("score cache: %w", err)
	}
	return c, nil
}

// read takes the lines that can be read.
func (c *Cache) read(r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := in.ReadSlice('\n')
		whole := err == nil
		for errors.Is(err, bufio.ErrBufferFull) { // too long to be a score
			_, err = in.ReadSlice('\n')
		}
		if whole {
			if key, score, ok := parseCacheLine(line); ok {
				c.scores[key] = score
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func parseCacheLine(line []byte) (cacheKey, float64, bool) {
	var l cacheLine
	if len(bytes.TrimSpace(line)) == 0 || json.Unmarshal(line, &l) != nil {
		return cacheKey{}, 0, false
	}
	score, err := strconv.ParseFloat(l.Score, 64)
	if err != nil || math.IsNaN(score) || l.Metric == "" || l.Image == "" {
		return cacheKey{}, 0, false
	}
	return cacheKey{l.Metric, l.Weights, l.Image, l.Ref}, score, true
}

// Len returns how many scores are known.
func (c *Cache) Len() int {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.scores)
}

// Close makes the scores durable.
func (c *Cache) Close() error {
	if c == nil {
		return nil
	}
	return errors.Join(c.file.Sync(), c.file.Close())
}

func (c *Cache) get(key cacheKey) (float64, bool) {
	if c == nil {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	score, ok := c.scores[key]
	return score, ok
}

func (c *Cache) put(key cacheKey, score float64) error {
	if c == nil {
		return nil
	}
	line, err := json.Marshal(cacheLine{key.metric, key.weights, key.image, key.ref, strconv.FormatFloat(score, 'g', -1, 64)})
	if err != nil {
		return err
	}
	// The first line break ends what a killed writer left.
	line = append(append([]byte{'\n'}, line...), '\n')
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.file.Write(line); err != nil {
		return fmt.Errorf("score cache: %w", err)
	}
	c.scores[key] = score
	return nil
}

// ScoreAll is [ScoreAll] for the images without a known score; it stores each
// score as soon as it is known, so that a cancelled run goes on from there.
// Equal images are scored once. progress, unless nil, is called with how many
// of the images have a score.
func (c *Cache) ScoreAll(ctx context.Context, m Metric, images []*picture.Image, ref *picture.Image, progress func(done, total int)) ([]float64, error) {
	info := m.Info()
	key := cacheKey{metric: info.ID, weights: info.Weights}
	if info.Reference != None {
		if err := Check(ref); err != nil {
			return nil, fmt.Errorf("%s: reference: %w", info.ID, err)
		}
		key.ref = ref.Hash()
	}
	scores := make([]float64, len(images))
	places := map[cacheKey][]int{} // of images without a score
	var keys []cacheKey
	var missing []*picture.Image
	done := 0
	for i, image := range images {
		// A NaN hashes like black.
		if err := Check(image); err != nil {
			return nil, &ImageError{i, err}
		}
		key.image = image.Hash()
		if score, ok := c.get(key); ok {
			scores[i] = score
			done++
			continue
		}
		if places[key] == nil {
			keys, missing = append(keys, key), append(missing, image)
		}
		places[key] = append(places[key], i)
	}
	report := func() {
		if progress != nil {
			progress(done, len(images))
		}
	}
	report()
	if len(missing) == 0 {
		return scores, nil
	}
	err := scoreEach(ctx, m, missing, ref, func(i int, score float64) error {
		for _, at := range places[keys[i]] {
			scores[at] = score
			done++
		}
		report()
		// The weights' hash may be known only now that they are read.
		key := keys[i]
		key.weights = m.Info().Weights
		return c.put(key, score)
	})
	var bad *ImageError
	if errors.As(err, &bad) {
		return nil, &ImageError{places[keys[bad.Index]][0], bad.Err}
	}
	if err != nil {
		return nil, err
	}
	return scores, nil
}

// Score returns the score of one image, known or new.
func (c *Cache) Score(m Metric, image, ref *picture.Image) (Score, error) {
	scores, err := c.ScoreAll(context.Background(), m, []*picture.Image{image}, ref, nil)
	if err != nil {
		return Score{}, err
	}
	return Score{Passport: m.Info(), Value: scores[0]}, nil
}
