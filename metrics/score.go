package metrics

import (
	"encoding/json"
	"math"

	"github.com/trustsr/trustsr/srspace/picture"
)

// Score is the value a metric gave, with its passport. Scores of different
// passports are not comparable.
type Score struct {
	Passport Info
	Value    float64
}

// ScoreOf returns the score of image against ref with its passport.
func ScoreOf(m Metric, image, ref *picture.Image) (Score, error) {
	value, err := m.Score(image, ref)
	if err != nil {
		return Score{}, err
	}
	return Score{Passport: m.Info(), Value: value}, nil
}

// MarshalJSON spells the passport out and infinities as "inf" and "-inf", as
// JSON has no number for them.
func (s Score) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Metric    string `json:"metric"`
		Name      string `json:"name"`
		Unit      string `json:"unit,omitempty"`
		Direction string `json:"better"`
		Reference string `json:"reference"`
		Factor    int    `json:"factor,omitempty"`
		Weights   string `json:"weights_sha256,omitempty"`
		Value     any    `json:"value"`
	}{s.Passport.ID, s.Passport.Name, s.Passport.Unit, s.Passport.Direction.String(), s.Passport.Reference.String(), s.Passport.Factor, s.Passport.Weights, jsonNumber(s.Value)})
}

// jsonNumber returns v, or what JSON can hold in its place.
func jsonNumber(v float64) any {
	switch {
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	case math.IsNaN(v):
		return nil
	}
	return v
}
