package metrics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
)

// DefaultScale is the factor of super-resolution that presets assume where
// none is given: that of Korkmaz et al. and of most comparisons.
const DefaultScale = 4

// Convention is a metric as a toolkit computes it.
type Convention struct {
	ID   string // as Find takes it
	Call string // what one would call there, with default options unless it shows others
}

// A Preset is what one toolkit, or one paper, reports.
type Preset struct {
	Name        string
	Conventions []Convention
}

// Presets returns the presets for a factor of super-resolution, at least 1:
// evaluations that cut the border off cut as many pixels.
func Presets(scale int) []Preset {
	crop := func(format string) string { return fmt.Sprintf(format, scale) }
	return []Preset{
		// Table 2 of Korkmaz et al., in its order. The paper does not say which
		// conventions it used; these are the defaults of the authors of each
		// metric.
		{"paper", []Convention{
			{"psnr/rgb/crop0", "PSNR"},
			{"lrpsnr/matlab-u8/vs-lr", "LR consistency"},
			{"ssim/rgb/crop0", "SSIM"},
			{"lpips/alex/0.1", "LPIPS"},
			{"lpips/vgg/0.1", "LPIPS_VGG"},
			{"pieapp/27", "PieAPP"},
			{"dists/noresize", "DISTS"},
			{nrqmID, "NRQM"},
		}},
		{"basicsr", []Convention{
			{crop("psnr/rgb/crop%d"), crop("calculate_psnr(crop_border=%d)")},
			{crop("ssim/rgb/crop%d"), crop("calculate_ssim(crop_border=%d)")},
			{crop("psnr/y601studio/crop%d"), crop("calculate_psnr(crop_border=%d, test_y_channel=True)")},
			{crop("ssim/y601studio/crop%d"), crop("calculate_ssim(crop_border=%d, test_y_channel=True)")},
		}},
		{"matlab-sr", []Convention{
			{crop("psnr/y601studio-u8/crop%d"), crop("psnr of rgb2ycbcr(uint8), %d pixels shaved")},
			{crop("ssim/y601studio-u8/crop%d"), crop("ssim_index of rgb2ycbcr(uint8), %d pixels shaved, not shrunk")},
		}},
		{"pyiqa", []Convention{
			{"psnr/rgb/crop0/eps1e-8", "create_metric('psnr')"},
			{"psnr/y601full/crop0/eps1e-8", "create_metric('psnry')"},
			{"ssim/y601full-u8/crop0/relu", "create_metric('ssim')"},
			{"ssim/rgb/crop0/relu", "create_metric('ssimc')"},
			{"lpips/alex/0.1", "create_metric('lpips')"},
			{"lpips/vgg/0.1", "create_metric('lpips-vgg')"},
			{"dists/noresize", "create_metric('dists')"},
			{"pieapp/27", "create_metric('pieapp')"},
		}},
		{"skimage", []Convention{
			{"psnr/rgb/crop0", "peak_signal_noise_ratio"},
			{"ssim/rgb/crop0/uniform7", "structural_similarity(channel_axis=2)"},
			{"ssim/rgb/crop0", "structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)"},
		}},
		{"piq", []Convention{
			{"psnr/rgb/crop0/eps1e-8", "psnr"},
			{"psnr/y601full/crop0/eps1e-8", "psnr(convert_to_greyscale=True)"},
			{"ssim/rgb/crop0/pool256", "ssim"},
			{"ssim/rgb/crop0", "ssim(downsample=False)"},
			{"lpips/vgg/0.1", "LPIPS()"},
			{"dists/torch256", "DISTS()"},
			// Its PieAPP feeds RGB to a network trained on BGR.
		}},
		{"torchmetrics", []Convention{
			{"psnr/rgb/crop0", "PeakSignalNoiseRatio(data_range=255)"},
			{"ssim/rgb/crop0/reflect", "StructuralSimilarityIndexMeasure(data_range=255)"},
			{"lpips/alex/0.1", "LearnedPerceptualImagePatchSimilarity"},
			{"lpips/vgg/0.1", "LearnedPerceptualImagePatchSimilarity(net_type='vgg')"},
			{"lpips/squeeze/0.1", "LearnedPerceptualImagePatchSimilarity(net_type='squeeze')"},
			{"dists/noresize", "DeepImageStructureAndTextureSimilarity"},
		}},
		{"ntire", []Convention{
			{crop("lrpsnr/ntire/x%d"), "measure.py of NTIRE 2021 and 2022, Learning the SR Space"},
		}},
	}
}

// PresetNames returns the names of the presets.
func PresetNames() []string {
	var names []string
	for _, p := range Presets(DefaultScale) {
		names = append(names, p.Name)
	}
	return names
}

// Select returns the metrics of a list of preset names and ids, separated by
// commas, each metric once, in order. Presets are those for the scale. Errors
// wrap [ErrUnknown].
func Select(list string, scale int) ([]Metric, error) {
	if scale < 1 || scale > 1<<10 {
		return nil, fmt.Errorf("%w: a scale of %d", ErrUnknown, scale)
	}
	var ids []string
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		presets := Presets(scale)
		if i := slices.IndexFunc(presets, func(p Preset) bool { return p.Name == item }); i >= 0 {
			for _, c := range presets[i].Conventions {
				ids = append(ids, c.ID)
			}
		} else {
			ids = append(ids, item)
		}
	}
	var found []Metric
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		m, err := Find(id)
		if err != nil {
			return nil, hint.With(err, "presets: "+strings.Join(PresetNames(), ", ")+"; ids: "+strings.Join(IDs(), ", "))
		}
		// Two spellings of one id.
		if !slices.ContainsFunc(found, func(other Metric) bool { return other.Info().ID == m.Info().ID }) {
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		return nil, hint.With(fmt.Errorf("%w: no metric named", ErrUnknown), "presets: "+strings.Join(PresetNames(), ", "))
	}
	return found, nil
}
