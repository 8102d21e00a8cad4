package ntire

import (
	"fmt"

	"github.com/trustsr/trustsr/metrics"
)

// Scores returns the numbers of a result with passports, as [metrics.Table]
// takes them: diversity, the local and the global best and the mean of LPIPS,
// the worst and the mean LR consistency. All but the means depend on how many
// samples there were, so that their ids say it: "ntire/diversity/n10",
// "ntire/lpips-local-best/n10", "ntire/lpips-global-best/n10",
// "ntire/lpips-mean", "lrpsnr/ntire/x4/worst/n10", "lrpsnr/ntire/x4/mean".
// They are numbers of a set of samples, not of an image, and [metrics.Find]
// does not know them. weights are those of the LPIPS used.
func (r Result) Scores(samples, scale int, weights string) []metrics.Score {
	distance := metrics.Info{Direction: metrics.LowerIsBetter, Reference: metrics.HR, Weights: weights}
	score := func(value float64, info metrics.Info, name, format string, args ...any) metrics.Score {
		info.Name, info.ID = name, fmt.Sprintf(format, args...)
		return metrics.Score{Passport: info, Value: value}
	}
	diversity := distance
	diversity.Direction, diversity.Unit = metrics.HigherIsBetter, "%"
	consistency := metrics.NTIRELRPSNR(scale).Info()
	return []metrics.Score{
		score(r.Diversity.Score, diversity, "diversity", "ntire/diversity/n%d", samples),
		score(r.LocalBest, distance, "LPIPS local best", "ntire/lpips-local-best/n%d", samples),
		score(r.GlobalBest, distance, "LPIPS global best", "ntire/lpips-global-best/n%d", samples),
		score(r.Diversity.Mean, distance, "LPIPS mean", "ntire/lpips-mean"),
		score(r.LRPSNR.Worst, consistency, "LR-PSNR worst", "%s/worst/n%d", consistency.ID, samples),
		score(r.LRPSNR.Mean, consistency, "LR-PSNR mean", "%s/mean", consistency.ID),
	}
}
