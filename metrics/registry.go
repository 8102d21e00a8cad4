package metrics

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/srspace"
)

// registered is a metric that [Find] knows by its id. Opening must be cheap:
// a metric whose weights are missing says so when it scores.
type registered struct {
	id   string
	open func() (Metric, error)
}

// registry lists the metrics with an id of their own, in the order [IDs] has
// them. It is a function because what it names may call Find.
func registry() []registered {
	return []registered{
		{psnrInfo.ID, func() (Metric, error) { return PSNRMetric{}, nil }},
		{lrPSNRInfo.ID, func() (Metric, error) { return LRPSNRMetric{}, nil }},
		{lpipsAlexID, func() (Metric, error) { return asMetric(LPIPSAlex()) }},
		{enlargedID(DigitEnlargement), func() (Metric, error) { return asMetric(LPIPSAlexEnlarged(DigitEnlargement)) }},
		{nrqmID, func() (Metric, error) { return InstalledNRQM(), nil }},
	}
}

// families parse ids with a number in them, such as a factor or a border. A
// family returns nil and no error for an id that is not one of its own.
func families() []func(id string) (Metric, error) {
	return []func(id string) (Metric, error){
		findEnlarged,
	}
}

// IDs returns the ids of the metrics in this package, as [Find] takes them.
func IDs() []string {
	var ids []string
	for _, r := range registry() {
		ids = append(ids, r.id)
	}
	return ids
}

// Find returns the metric of an id. For LPIPS enlarged by N it takes
// "lpips/alex/0.1/nearest×N", and the letter x for the sign ×.
func Find(id string) (Metric, error) {
	for _, r := range registry() {
		if r.id == id {
			return r.open()
		}
	}
	for _, family := range families() {
		if m, err := family(id); m != nil || err != nil {
			return m, err
		}
	}
	return nil, srspace.WithHint(fmt.Errorf("%w %q", ErrUnknown, id), "known ids: "+strings.Join(IDs(), ", "))
}

// findEnlarged finds LPIPS of enlarged images.
func findEnlarged(id string) (Metric, error) {
	rest, ok := strings.CutPrefix(strings.Replace(id, "nearestx", "nearest×", 1), lpipsAlexID+"/nearest×")
	if !ok {
		return nil, nil
	}
	n, err := strconv.Atoi(rest)
	if err != nil {
		return nil, nil
	}
	return asMetric(LPIPSAlexEnlarged(n))
}

// asMetric keeps a nil *LPIPS from becoming a Metric that is not nil.
func asMetric(m *LPIPS, err error) (Metric, error) {
	if err != nil {
		return nil, err
	}
	return m, nil
}
