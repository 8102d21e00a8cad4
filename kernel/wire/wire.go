// Package wire is the language between a notebook cell and the engine.
//
// A client connects to the engine's Unix socket and writes one [Request] as
// one line of JSON. The engine answers with any number of [Reply] lines that
// hold a Progress and ends with one that holds a Result or an Error. A
// connection carries one request. Closing it early cancels the work; what was
// finished by then stays on disk.
//
// The package imports encoding/json and little else, because every cell of a
// notebook links it.
package wire

// Environment variables by which cells and the engine find each other.
const (
	EnvSocket = "TRUSTSR_SOCK"  // path of the engine's Unix socket
	EnvURL    = "TRUSTSR_URL"   // base of the engine's pages as browsers reach them, e.g. http://127.0.0.1:40123
	EnvToken  = "TRUSTSR_TOKEN" // secret that the pages ask for
	EnvRoot   = "TRUSTSR_ROOT"  // project root
	EnvState  = "TRUSTSR_STATE" // folder in which the engine keeps spaces, picks and scores; <root>/.lab where it is not set
)

// Limits that both sides know.
const (
	MaxRequest = 4 << 20 // bytes of a request line
	MaxReply   = 64 << 20
	MaxSamples = 10_000 // samples of one space
	MaxCap     = 100    // picks of one list
)

// Operations.
const (
	OpStatus   = "status"   // Status
	OpSubject  = "subject"  // Subject: the LR picture and what is known about it
	OpDraw     = "draw"     // Space: draw samples until there are Draw.N
	OpSpace    = "space"    // Space: what is drawn so far
	OpReadings = "readings" // Readings: what the digit reader reads in each sample
	OpPicks    = "picks"    // Picks: the list as it stands; Cap > 0 sets its cap
	OpSetPicks = "setpicks" // Picks: replace the list by Seeds
	OpClear    = "clear"    // Picks: empty the list
	OpStandIn  = "standin"  // Picks: if nobody picked, let the reader pick Cap samples read as Digit
	OpShow     = "show"     // Figure: LR and bicubic
	OpWall     = "wall"     // Figure: all samples; those of list Picks are framed
	OpMean     = "mean"     // Figure: the pixel average of the picks
	OpCompare  = "compare"  // Figure: LR, bicubic, other methods, a random sample, mean of picks, HR, with scores
	OpPlane    = "plane"    // Figure: the PSNR–LPIPS plane

	OpDisagreement = "disagreement" // Figure: where the samples differ
	OpDirections   = "directions"   // Figure: K principal components
	OpClusters     = "clusters"     // Figure, Groups: K clusters of the samples
	OpDiverse      = "diverse"      // Figure, Groups: K samples that cover the space, one group

	OpLinkedPlane = "linkedplane" // Figure: the plane of the page /plane/SPACE, with everything for it scored
	OpPlaneHTML   = "planehtml"   // Page: that page as a file of its own
	OpPlaneSVG    = "planesvg"    // Page: the same plane as an SVG
	OpSlider      = "slider"      // Figure: what the page /compare/SPACE compares
	OpCompareHTML = "comparehtml" // Page: that page as a file of its own
	OpAddMethod   = "addmethod"   // Space: keep the image Method made of the LR picture, to compare with
	OpSave        = "save"        // Text: write what Table 2 compares into folder Out, one folder a method; of lists Lists their means
	OpFolder      = "folder"      // Space: pictures made elsewhere, in Folder
	OpScore       = "score"       // Markdown: the table of Score
)

// Operations about people.
const (
	OpSimulate    = "simulate"    // Figure, Markdown: what People simulated participants choose
	OpStudy       = "study"       // Tables, Figure: serve the study and say its addresses
	OpNewStudy    = "newstudy"    // Text: write a study file to start from, unless it is there; say what participants will see
	OpRehearse    = "rehearse"    // Text: simulated participants take part, in a store of their own
	OpStudyReport = "studyreport" // Text, Markdown, Figures: the report of the votes so far

	OpStudyPicks = "studypicks" // Picks: the samples that the voters of Study chose, as list Picks
)

// Request is what a cell asks. Only the fields that Op needs are read.
type Request struct {
	Op     string   `json:"op"`
	Source *Source  `json:"source,omitempty"` // for OpSubject, OpDraw, OpShow
	Draw   *Draw    `json:"draw,omitempty"`   // for OpDraw
	Space  string   `json:"space,omitempty"`  // name of a space, for all others
	Picks  string   `json:"picks,omitempty"`  // name of a pick list
	Cap    int      `json:"cap,omitempty"`    // most picks of the list
	Seeds  []uint64 `json:"seeds,omitempty"`  // for OpSetPicks
	Digit  int      `json:"digit,omitempty"`  // for OpStandIn
	K      int      `json:"k,omitempty"`      // how many, for OpDirections, OpClusters, OpDiverse

	Metrics []string `json:"metrics,omitempty"` // ids of axes, those to be shown first in front, for OpLinkedPlane, OpPlaneHTML, OpPlaneSVG
	Method  string   `json:"method,omitempty"`  // for OpAddMethod
	Image   string   `json:"image,omitempty"`   // image file, for OpAddMethod

	Out   string   `json:"out,omitempty"`   // absolute folder, for OpSave
	Lists []string `json:"lists,omitempty"` // names of pick lists, for OpSave

	People    int    `json:"people,omitempty"`    // for OpSimulate
	Behaviour string `json:"behaviour,omitempty"` // theirs: expert, uniform, position-biased, sleeper, straight-liner, mix

	Folder *Folder `json:"folder,omitempty"` // for OpFolder
	Study  *Study  `json:"study,omitempty"`  // for the operations about studies
	Score  *Score  `json:"score,omitempty"`  // for OpScore
}

// Source says which LR picture: a digit of the embedded MNIST test set, an
// image file, or an HR picture that is reduced. Paths are absolute.
type Source struct {
	Digit  *int   `json:"digit,omitempty"`
	LR     string `json:"lr,omitempty"`     // file of the LR picture
	HR     string `json:"hr,omitempty"`     // file of the HR picture: the truth, beside LR; reduced, without LR
	Factor int    `json:"factor,omitempty"` // by which HR is reduced; 0 for 4
}

// Draw says which samples, and what draws them.
type Draw struct {
	N    int    `json:"n"`              // how many samples the space shall hold
	Seed uint64 `json:"seed,omitempty"` // base seed: sample i has seed Seed+i
	Model
}

// Folder says where pictures made elsewhere are: samples of one LR picture.
type Folder struct {
	Dir string `json:"dir"`          // absolute
	LR  string `json:"lr,omitempty"` // file of the LR picture, where the folder has no lr.png
	HR  string `json:"hr,omitempty"` // file of the truth
}

// Study says which study, and where. Paths are absolute.
type Study struct {
	File   string `json:"file"`             // of the study
	Store  string `json:"store,omitempty"`  // of its votes; by default beside it, with the ending .db
	Listen string `json:"listen,omitempty"` // address of this computer to serve it at; empty for loopback

	Protocol  string   `json:"protocol,omitempty"`  // for OpNewStudy
	Spaces    []string `json:"spaces,omitempty"`    // names, for OpNewStudy
	People    int      `json:"people,omitempty"`    // for OpRehearse
	Behaviour string   `json:"behaviour,omitempty"` // theirs
	Out       string   `json:"out,omitempty"`       // folder of the report, for OpStudyReport
	Metrics   string   `json:"metrics,omitempty"`   // that score ensembles, for OpStudyReport
}

// Score says which pictures are scored, as the flags of the command score do.
// Paths are absolute.
type Score struct {
	SR      []string `json:"sr"`                // folders or files, a row each
	SRName  []string `json:"sr_name,omitempty"` // patterns: one for all, or one for each
	HR      string   `json:"hr,omitempty"`
	HRName  string   `json:"hr_name,omitempty"`
	LR      string   `json:"lr,omitempty"`
	LRName  string   `json:"lr_name,omitempty"`
	Metrics string   `json:"metrics,omitempty"`
	Scale   int      `json:"scale,omitempty"`
	Explain bool     `json:"explain,omitempty"` // each pair under all presets
}

// Reply is one line of the engine's answer: exactly one field is set, but for
// Hint, which may go with Error.
type Reply struct {
	Progress *Progress `json:"progress,omitempty"`
	Result   *Result   `json:"result,omitempty"`
	Error    string    `json:"error,omitempty"`
	Hint     string    `json:"hint,omitempty"`
}

// Progress is how far a request has come. Total 0 means not known.
type Progress struct {
	Done  int     `json:"done"`
	Total int     `json:"total"`
	Part  float64 `json:"part,omitempty"` // of Total under way: between 0 and Total-Done
	Note  string  `json:"note,omitempty"` // what is being done, e.g. "loading model"
	ETA   float64 `json:"eta,omitempty"`  // seconds left, 0 if not known
}

// Result holds the answer in the field that the operation names.
type Result struct {
	Status   *Status   `json:"status,omitempty"`
	Subject  *Subject  `json:"subject,omitempty"`
	Space    *Space    `json:"space,omitempty"`
	Readings *Readings `json:"readings,omitempty"`
	Picks    *Picks    `json:"picks,omitempty"`
	Figure   *Figure   `json:"figure,omitempty"`

	Tables   []Table    `json:"tables,omitempty"`
	Markdown []string   `json:"markdown,omitempty"` // texts to show one after the other
	Figures  []Figure   `json:"figures,omitempty"`
	Text     string     `json:"text,omitempty"`   // one line that says what was done
	Groups   [][]uint64 `json:"groups,omitempty"` // seeds of samples
	Page     []byte     `json:"page,omitempty"`   // HTML that needs nothing else
}

// Status describes the engine.
type Status struct {
	Loaded  bool     `json:"loaded"` // the model is in memory
	Model   string   `json:"model,omitempty"`
	Weights string   `json:"weights_sha256,omitempty"`
	Backend string   `json:"backend,omitempty"`
	Problem string   `json:"problem,omitempty"` // why the model could not be loaded
	Process int      `json:"pid"`
	Spaces  []string `json:"spaces,omitempty"`
	State   string   `json:"state"` // folder in which the engine keeps spaces, picks and scores
}

// Subject is an LR picture with, for a test digit, its truth.
type Subject struct {
	Name   string `json:"name"` // e.g. "digit-18"
	Title  string `json:"title"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Hash   string `json:"lr_sha256"`
	Label  *int   `json:"label,omitempty"` // what the digit was written as
	LR     []byte `json:"lr_png"`
	HR     []byte `json:"hr_png,omitempty"`
}

// Space describes the samples drawn of one LR picture with one recipe.
type Space struct {
	Name      string   `json:"name"`
	Dir       string   `json:"dir"` // with the samples, absolute
	Samples   int      `json:"samples"`
	Drawn     int      `json:"drawn"` // by this request
	Seconds   float64  `json:"seconds,omitempty"`
	Recipe    string   `json:"recipe"`            // in words
	Assumed   []string `json:"assumed,omitempty"` // what the model's files did not say
	Seeds     []uint64 `json:"seeds"`
	Addresses []string `json:"addresses"` // in the order of Seeds
}

// Readings is what the digit reader reads in the samples of a space.
type Readings struct {
	Samples []Reading `json:"samples"`
	Counts  [10]int   `json:"counts"` // samples read as each digit
}

// Reading is what the digit reader reads in one sample.
type Reading struct {
	Seed        uint64  `json:"seed"`
	Digit       int     `json:"digit"`
	Probability float64 `json:"probability"`
}

// Who filled a pick list.
const (
	ByPerson   = "person"   // clicked in the gallery
	ByNotebook = "notebook" // set by a cell
	ByStandIn  = "stand-in" // chosen by the digit reader, by no person
	ByStudy    = "study"    // most picked by the participants of a study
)

// Picks is a named list of chosen samples.
type Picks struct {
	Space    string   `json:"space"`
	Name     string   `json:"name"`
	Revision int      `json:"revision"` // grows with every change
	Cap      int      `json:"cap"`
	By       string   `json:"by,omitempty"` // ByPerson, ByNotebook, ByStandIn, ByStudy; empty for an empty list
	Note     string   `json:"note,omitempty"`
	Seeds    []uint64 `json:"seeds"` // in the order picked
	Undoable bool     `json:"undoable"`
}

// Figure is a picture for the notebook.
type Figure struct {
	PNG     []byte `json:"png"`
	Caption string `json:"caption"`
	Width   int    `json:"width"`  // as shown; the PNG may have
	Height  int    `json:"height"` // a multiple of these pixels
}

// Table is text in rows and columns for the notebook.
type Table struct {
	Caption string     `json:"caption"`
	Head    []string   `json:"head"`
	Rows    [][]string `json:"rows"`
}
