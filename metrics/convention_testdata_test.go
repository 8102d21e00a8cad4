package metrics

import "testing"

// The conventions on the pictures of testdata: c_noise, c_up and e_up. Wants by
// the toolkits named in the comments: psnr_* and ssim_* are BasicSR's, lr_*
// those of MATLAB's and the NTIRE challenges' resizing. e_up is of 28×28
// pixels, that is 24×24 after the crop to multiples of 8.
func TestConventionsTestdata(t *testing.T) {
	for _, c := range []struct {
		id        string
		tolerance float64
		want      [3]float64
	}{
		{"psnr/rgb/crop0", 1e-9, [3]float64{26.657553444691242, 34.32798438957287, 15.576087882076624}},                // psnr_rgb_crop0
		{"psnr/rgb/crop4", 1e-9, [3]float64{26.66733109820164, 36.6998652740006, 12.73107729836523}},                   // psnr_rgb_crop4
		{"psnr/y601studio/crop0", 1e-4, [3]float64{31.545323968144757, 37.16649597338642, 16.898008945588753}},         // psnr_y_crop0
		{"psnr/y601studio/crop4", 1e-4, [3]float64{31.567360970230936, 40.013407384334805, 14.052998361750824}},        // psnr_y_crop4
		{"psnr/y601studio-u8/crop0", 1e-9, [3]float64{31.52522429318413, 37.12857944906399, 16.898597614649553}},       // psnr_y_matlab_u8_crop0
		{"psnr/y601studio-u8/crop4", 1e-9, [3]float64{31.548833403162124, 39.90496186352771, 14.053258551477763}},      // psnr_y_matlab_u8_crop4
		{"ssim/rgb/crop0", 1e-9, [3]float64{0.4042211298383281, 0.9108980491992664, 0.4584002534449225}},               // ssim_rgb_crop0
		{"ssim/rgb/crop4", 1e-9, [3]float64{0.3824046016897504, 0.9170346772456942, 0.3885879667215757}},               // ssim_rgb_crop4
		{"ssim/y601studio/crop0", 1e-5, [3]float64{0.644778193799997, 0.9468010076038498, 0.5134044617788934}},         // ssim_y_crop0
		{"ssim/y601studio/crop4", 1e-5, [3]float64{0.6216720490165564, 0.9547776654485077, 0.3969523422349854}},        // ssim_y_crop4
		{"ssim/y601studio-u8/crop0", 1e-9, [3]float64{0.643655385566808, 0.9449537690039282, 0.5134441718963714}},      // ssim_y_matlab_u8_crop0
		{"ssim/y601studio-u8/crop4", 1e-9, [3]float64{0.6205695506189539, 0.9531600108662068, 0.3965087970429142}},     // ssim_y_matlab_u8_crop4
		{"ssim/rgb/crop0/uniform7", 1e-9, [3]float64{0.42782597296116215, 0.906596067857393, 0.5065760301393151}},      // skimage_ssim_default7_rgb
		{"psnr/rgb/crop0/eps1e-8", 2e-4, [3]float64{26.657533645629883, 34.32786560058594, 15.576086044311523}},        // pyiqa_psnr
		{"psnr/y601full/crop0/eps1e-8", 2e-4, [3]float64{30.22335433959961, 35.84440612792969, 15.576086044311523}},    // pyiqa_psnry
		{"ssim/y601full-u8/crop0/relu", 2e-6, [3]float64{0.5911764749254641, 0.9310399412310355, 0.45852649159448466}}, // pyiqa_ssim
		{"ssim/rgb/crop0/relu", 2e-6, [3]float64{0.4042220325301122, 0.9108982858532859, 0.45852649159448466}},         // pyiqa_ssimc
		{"ssim/rgb/crop0/reflect", 1e-9, [3]float64{0.42663049364848465, 0.8922873624018445, 0.5907369053326296}},      // torchmetrics_ssim_f64
		{"ssim/rgb/crop0/pool256", 1e-9, [3]float64{0.4042211298383325, 0.9108980491992806, 0.458400253444925}},        // piq_ssim_default
		{"lrpsnr/halfeven-u8/vs-hr/x4", 1e-9, [3]float64{40.062117451266666, 45.598231469999305, 26.822872644803745}},  // lr_ntire_original_code
		{"lrpsnr/ntire/x4", 1e-9, [3]float64{40.062117451266666, 45.598231469999305, 25.642219600357635}},              // lr_ntire_crop8
		{"lrpsnr/matlab-u8/vs-lr", 1e-9, [3]float64{40.062117451266666, 45.598231469999305, 26.822872644803745}},       // lr_matlab_u8_vs_lrfile
		{"lrpsnr/float/vs-hr/x4", 1e-9, [3]float64{40.14476111384844, 45.54960564878789, 26.59311992208615}},           // lr_float_vs_floatgt
		{"lrpsnr/float/vs-lr", 1e-9, [3]float64{40.05591419162776, 45.64093034769734, 26.854915253152868}},             // lr_float_vs_lrfile
	} {
		m, err := Find(c.id)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"c_noise", "c_up", "e_up"} {
			ref := read(t, "testdata", name[:1]+"_ref.png")
			if m.Info().Reference == LR {
				ref = read(t, "testdata", name[:1]+"_lr.png")
			}
			got, err := m.Score(read(t, "testdata", name+".png"), ref)
			if err != nil {
				t.Fatal(err)
			}
			near(t, name+" "+c.id, got, c.want[i], c.tolerance)
		}
	}
}
