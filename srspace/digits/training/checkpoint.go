package training

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/internal/weights"
)

// progress is what a checkpoint keeps of a stage beside its tensors.
type progress struct {
	Done   int // finished steps
	Seed   uint64
	Record Stage

	Data    map[string]string // SHA-256 of the files trained on
	Backend string            // the record has one for all weights

	Sum  float64 `json:",omitempty"` // of the losses since the last whole hundred
	Used []int   `json:",omitempty"` // codebook.used
}

// checkpoint stores everything of a stage in one file, atomically.
func (t *trainer) checkpoint(opt *optimizer, path string, state progress) error {
	dict, err := opt.state()
	if err != nil {
		return err
	}
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return weights.WriteSafetensors(path, dict, "F32", map[string]string{"state": string(data)})
}

// resume loads a checkpoint of the same data, backend, seed, steps and batch,
// if there is one, and returns how far it came: the training record says of
// all weights what they were trained on and where.
func (t *trainer) resume(opt *optimizer, path string, record Stage) (progress, error) {
	start := progress{Seed: t.Seed, Record: record, Data: t.record.Data, Backend: t.record.Backend}
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return start, nil
	}
	dict, meta, err := weights.ReadSafetensors(path)
	if err != nil {
		return start, err
	}
	var state progress
	if err := json.Unmarshal([]byte(meta["state"]), &state); err != nil {
		return start, fmt.Errorf("%s: %w", path, err)
	}
	if state.Done == state.Record.Steps && record.Steps > state.Done {
		state.Record.LengthenedAt = append(state.Record.LengthenedAt, state.Done)
		state.Record.Steps = record.Steps
	}
	other := ""
	switch {
	case state.Seed != t.Seed || state.Record.Steps != record.Steps || state.Record.Batch != record.Batch:
		other = fmt.Sprintf("seed %d, %d steps of %d", state.Seed, state.Record.Steps, state.Record.Batch)
	case !maps.Equal(state.Data, t.record.Data):
		other = fmt.Sprintf("on other data, %s", describeData(state.Data))
	case state.Backend != t.record.Backend:
		other = fmt.Sprintf("on backend %q, not %q", state.Backend, t.record.Backend)
	}
	if other != "" {
		return start, hint.With(fmt.Errorf("%s is of another run (%s)", path, other),
			"choose another folder or the same settings; only a finished stage can be given more steps")
	}
	if err := opt.restore(dict); err != nil {
		return start, fmt.Errorf("%s: %w", path, err)
	}
	t.say("%-11s resumes after step %d", record.Name, state.Done)
	return state, nil
}

// describeData names the files of a run with the beginning of their hashes.
func describeData(data map[string]string) string {
	if len(data) == 0 {
		return "of which it says nothing"
	}
	var files []string
	for _, name := range slices.Sorted(maps.Keys(data)) {
		files = append(files, fmt.Sprintf("%s of SHA-256 %.12s", name, data[name]))
	}
	return strings.Join(files, " and ")
}
