package digits

// Evaluation is what was measured of a trained model on MNIST's test set.
type Evaluation struct {
	ReaderAccuracy         float64 `json:"reader_accuracy"`                // of 10,000 test digits
	ReconstructionPSNR     float64 `json:"reconstruction_psnr_db"`         // mean
	ReconstructionAccuracy float64 `json:"reader_accuracy_reconstruction"` //
	Digits, Samples        int     // test digits, samples of each
	LRConsistency          float64 `json:"lr_psnr_db"`        // mean over samples
	ReadAsTruth            float64 `json:"read_as_truth"`     // share of samples
	CalibrationError       float64 `json:"calibration_error"` // expected, ten bins
	Ambiguous              []int   `json:"ambiguous_digits"`  // readings split at least 20:80
}
