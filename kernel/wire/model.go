package wire

// Model says which model draws, and how: what the flags of the command sample
// say, under the same names. A field that is zero is left to the model.
type Model struct {
	Model     string   `json:"model,omitempty"`     // name, or absolute path of a checkpoint, a diffusers folder or an .onnx file
	Backend   string   `json:"backend,omitempty"`   // of GoMLX, e.g. "go" or "onnx:cpu"
	Sampler   string   `json:"sampler,omitempty"`   // e.g. "ddim", "dpmpp-2m-sde"
	Steps     int      `json:"steps,omitempty"`     // denoising steps
	Eta       *float64 `json:"eta,omitempty"`       // 0 (deterministic) … 1 (ancestral)
	Fit       string   `json:"fit,omitempty"`       // how an LR picture gets a size the network takes
	RNG       string   `json:"rng,omitempty"`       // noise generator
	Precision string   `json:"precision,omitempty"` // "float32" or "bfloat16"
	Tile      int      `json:"tile,omitempty"`      // copies of the LR picture a side
	Window    int      `json:"window,omitempty"`    // LR pixels of the windows of large pictures
	Project   int      `json:"project,omitempty"`   // times a sample is moved towards its LR picture
	Memory    int64    `json:"memory,omitempty"`    // bytes that an estimate may reach
	Batch     int      `json:"batch,omitempty"`     // samples drawn side by side

	LRInput     string `json:"lr_input,omitempty"`     // of an ONNX file: the input that takes the LR picture
	NoiseInput  string `json:"noise_input,omitempty"`  // the input that takes noise
	ONNXInput   string `json:"onnx_input,omitempty"`   // numbers for other inputs, e.g. "sigma=0.5,t=1"
	Output      string `json:"output,omitempty"`       // the output that holds the sample
	InputRange  string `json:"input_range,omitempty"`  // black and white of the LR input, e.g. "-1,1"
	OutputRange string `json:"output_range,omitempty"` // and of the output
}
