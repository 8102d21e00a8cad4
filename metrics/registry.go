package metrics

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
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
		{ssimInfo.ID, func() (Metric, error) { return SSIMMetric{}, nil }},
		{lrPSNRInfo.ID, func() (Metric, error) { return LRPSNRMetric{}, nil }},
		{lpipsID("alex"), func() (Metric, error) { return findLPIPS(lpipsID("alex")) }},
		{lpipsID("vgg"), func() (Metric, error) { return findLPIPS(lpipsID("vgg")) }},
		{lpipsID("squeeze"), func() (Metric, error) { return findLPIPS(lpipsID("squeeze")) }},
		{enlargedID(lpipsID("alex"), DigitEnlargement), func() (Metric, error) { return findLPIPS(enlargedID(lpipsID("alex"), DigitEnlargement)) }},
		{distsID(NoResize), func() (Metric, error) { return DISTSMetric{}, nil }},
		{distsID(Pillow256), func() (Metric, error) { return DISTSMetric{Pillow256}, nil }},
		{distsID(Torch256), func() (Metric, error) { return DISTSMetric{Torch256}, nil }},
		{PieAPPMetric{}.id(), func() (Metric, error) { return PieAPPMetric{}, nil }},
		{nrqmID, func() (Metric, error) { return InstalledNRQM(), nil }},
	}
}

// families parse ids with a number in them, such as a factor or a border. A
// family returns nil and no error for an id that is not one of its own.
func families() []func(id string) (Metric, error) {
	return []func(id string) (Metric, error){
		findPSNR,
		findSSIM,
		findLRPSNR,
		findLPIPS,
		findDISTS,
		findPieAPP,
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

// Find returns the metric of an id. Beside the ids of [IDs] it takes all
// conventions of a [Colour], a border and a [Window] or [Downscaling]:
//
//	psnr/COLOUR/cropN   psnr/COLOUR/cropN/eps1e-8
//	ssim/COLOUR/cropN   ssim/COLOUR/cropN/WINDOW
//	lrpsnr/DOWNSCALING/vs-lr   lrpsnr/DOWNSCALING/vs-hr/xN   lrpsnr/ntire/xN
//	lpips/NET/0.1/nearest×N, also with the letter x for the sign ×
//	dists/RESIZE   pieapp/STRIDE   pieapp/STRIDE/border
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
	return nil, hint.With(fmt.Errorf("%w %q", ErrUnknown, id), "known ids: "+strings.Join(IDs(), ", "))
}

// findPSNR finds the conventions of PSNR.
func findPSNR(id string) (Metric, error) {
	for _, colour := range Colours() {
		for _, epsilon := range []bool{false, true} {
			m := PSNRMetric{Colour: colour, Crop: numberIn(id, "/crop"), Epsilon: epsilon}
			if m.Info().ID == id {
				return m, nil
			}
		}
	}
	return nil, nil
}

// findSSIM finds the conventions of SSIM.
func findSSIM(id string) (Metric, error) {
	for _, colour := range Colours() {
		for _, window := range Windows() {
			m := SSIMMetric{Colour: colour, Crop: numberIn(id, "/crop"), Window: window}
			if m.Info().ID == id {
				return m, nil
			}
		}
	}
	return nil, nil
}

// findLRPSNR finds the conventions of LR consistency.
func findLRPSNR(id string) (Metric, error) {
	for _, downscaling := range Downscalings() {
		for _, m := range []LRPSNRMetric{
			{Downscaling: downscaling},
			{Downscaling: downscaling, Scale: numberIn(id, "/x")},
			{Downscaling: downscaling, Scale: numberIn(id, "/x"), Multiple8: true},
		} {
			if m.Info().ID == id {
				return m, nil
			}
		}
	}
	return nil, nil
}

// numberIn returns the number that follows the mark in an id, 0 to 65536, or
// 0 where there is none.
func numberIn(id, mark string) int {
	_, rest, _ := strings.Cut(id, mark)
	rest, _, _ = strings.Cut(rest, "/")
	n, err := strconv.Atoi(rest)
	if err != nil || n < 0 || n > 1<<16 {
		return 0
	}
	return n
}
