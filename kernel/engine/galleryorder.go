package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/trustsr/trustsr/kernel/pages"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/variety"
)

// galleryClusters is how many clusters a gallery is grouped into.
const galleryClusters = 8

// What else than a measure's id a gallery can be sorted by.
const (
	byReading = "reading"
	byCluster = "cluster"
)

// serveOrders lists by what the samples can be sorted and grouped: what the
// reader reads, clusters of pixels, and the axes of the plane. Nothing of it
// is worked out yet but the directions.
func (e *Engine) serveOrders(w http.ResponseWriter, r *http.Request, s *space) {
	measures, err := e.allMeasures(r.Context(), s, r.URL.Query()["metric"], func(wire.Progress) {})
	if err != nil {
		refuse(w, err)
		return
	}
	axes := []axis{{ID: byReading, Label: "reading"}}
	if n := s.store.Len(); n >= 2 && n <= variety.MaxSamples {
		axes = append(axes, axis{ID: byCluster, Label: "cluster"})
	}
	for _, m := range measures {
		axes = append(axes, m.axis)
	}
	pages.Send(w, http.StatusOK, axes)
}

// order is a number of each sample to sort by: a score, the digit read or the
// number of a cluster, from 1, the largest first.
type order struct {
	Seeds  []string `json:"seeds"`
	Values []score  `json:"values"`
	Sure   []score  `json:"sure,omitempty"` // of readings: the reader's probability
}

// serveOrder sends the order of ?by=ID as lines of JSON: {"progress": …} while
// it is worked out, then {"order": …} or {"error": …, "hint": …}. Scores
// that are finished when the page stops listening are kept.
func (e *Engine) serveOrder(w http.ResponseWriter, r *http.Request, s *space) {
	by := r.URL.Query().Get("by")
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines, flusher := json.NewEncoder(w), http.NewResponseController(w)
	report := func(p wire.Progress) {
		lines.Encode(map[string]wire.Progress{"progress": p})
		flusher.Flush()
	}
	found, err := e.order(r.Context(), s, by, report)
	switch {
	case errors.Is(err, context.Canceled):
	case err != nil:
		lines.Encode(refusal{Error: err.Error(), Hint: adviceOn(err)})
	default:
		lines.Encode(map[string]*order{"order": found})
	}
}

func (e *Engine) order(ctx context.Context, s *space, by string, report func(wire.Progress)) (*order, error) {
	switch by {
	case byReading:
		readings, err := e.readings(ctx, s, report)
		if err != nil {
			return nil, err
		}
		out := &order{}
		for _, one := range readings.Samples {
			out.Seeds = append(out.Seeds, strconv.FormatUint(one.Seed, 10))
			out.Values = append(out.Values, score(one.Digit))
			out.Sure = append(out.Sure, score(one.Probability))
		}
		return out, nil
	case byCluster:
		return clusterOrder(ctx, s, report)
	}
	m, err := e.measure(ctx, s, by, report)
	if err != nil {
		return nil, err
	}
	seeds, images, err := s.images()
	if err != nil {
		return nil, err
	}
	e.scoring.Lock()
	defer e.scoring.Unlock()
	values, err := m.score(ctx, images, report)
	if err != nil {
		return nil, err
	}
	return newOrder(seeds, func(i int) float64 { return values[i] }), nil
}

// measure returns the measure of that id: one of the plane's axes, or any
// other metric that fits.
func (e *Engine) measure(ctx context.Context, s *space, id string, report func(wire.Progress)) (*measure, error) {
	for _, more := range [][]string{nil, {id}} {
		measures, err := e.allMeasures(ctx, s, more, report)
		if err != nil {
			return nil, err
		}
		for _, m := range measures {
			if m.axis.ID == axisID(id) {
				return &m, nil
			}
		}
	}
	return nil, fmt.Errorf("samples of %s have no %.100q to sort by", s.name, id)
}

func newOrder(seeds []uint64, value func(i int) float64) *order {
	out := &order{}
	for i, seed := range seeds {
		out.Seeds = append(out.Seeds, strconv.FormatUint(seed, 10))
		out.Values = append(out.Values, score(value(i)))
	}
	return out
}

// clusterOrder numbers each sample's cluster.
func clusterOrder(ctx context.Context, s *space, report func(wire.Progress)) (*order, error) {
	v, err := s.varied(ctx, report)
	if err != nil {
		return nil, err
	}
	clusters, err := v.set.Cluster(variety.Ward).Cut(min(galleryClusters, len(v.seeds)))
	if err != nil {
		return nil, err
	}
	of := make([]int, len(v.seeds))
	for i, members := range clusters {
		for _, at := range members {
			of[at] = i + 1
		}
	}
	return newOrder(v.seeds, func(i int) float64 { return float64(of[i]) }), nil
}
