package studyserver

import "github.com/trustsr/trustsr/ensemble/study"

// view is all that a participant's page is told.
type view struct {
	Step  int    `json:"step"`
	Phase string `json:"phase"` // consent, instructions, training, trial, thanks
	Title string `json:"title"`
	Text  string `json:"text,omitempty"`
	Code  string `json:"code,omitempty"` // of the person, once they agreed
	Done  bool   `json:"closed,omitempty"`

	Onward string     `json:"onward,omitempty"` // at the end: where to go on to
	Next   *following `json:"next,omitempty"`   // at the end: another person may begin

	Trial  int        `json:"trial,omitempty"`  // 1 … Trials
	Trials int        `json:"trials,omitempty"` // that count
	Task   *task      `json:"task,omitempty"`
	Answer *answering `json:"answer,omitempty"`
}

// following is how the next person begins on the same device.
type following struct {
	Seconds int `json:"seconds"` // until it happens by itself; 0 for never
}

// task is what is asked in a trial.
type task struct {
	Question        string `json:"question"`
	Reading         string `json:"reading"` // none, digit, text
	ReadingQuestion string `json:"reading_question,omitempty"`
	ReadingOptional bool   `json:"reading_optional,omitempty"`
	Confidence      int    `json:"confidence,omitempty"`
	MinPicks        int    `json:"min_picks"`
	MaxPicks        int    `json:"max_picks"`
	AllowNone       bool   `json:"allow_none,omitempty"`

	Samples int `json:"samples"`
	Width   int `json:"width"` // of a sample, pixels
	Height  int `json:"height"`
	Columns int `json:"columns"` // of a sheet; it has as many rows
	Sheets  int `json:"sheets"`
}

// answering is what is stored of the answer so far.
type answering struct {
	Picks      []int  `json:"picks"` // positions, in the order picked
	None       bool   `json:"none,omitempty"`
	Reading    string `json:"reading,omitempty"`
	Confidence int    `json:"confidence,omitempty"`
	Drawn      bool   `json:"drawn,omitempty"` // the trial's time runs
}

// view is what a participant's page is told of a state.
func (v *Server) view(now *study.State) *view {
	if now == nil {
		return nil
	}
	s := v.study
	out := &view{Step: now.Stage, Title: s.Title, Trials: len(s.Trials), Done: now.Closed}
	all := s.All()
	if now.Stage > 0 {
		out.Code = now.Code
	}
	switch i := now.Stage - 2; {
	case i == -2:
		out.Phase, out.Text = "consent", s.Consent
	case i == -1:
		out.Phase, out.Text = "instructions", s.Instructions
	case i >= len(all):
		out.Phase, out.Text, out.Onward = "thanks", s.Thanks, now.Next
		if button, after, err := s.NextParticipant(); err == nil && button { // it was checked when the file was read
			out.Next = &following{int(after.Seconds())}
		}
	default:
		out.Phase = "trial"
		out.Trial = i + 1
		if s.Training != nil {
			out.Trial = i
		}
		if !s.Counted(i) {
			out.Phase = "training"
		}
		d, r := v.decks[all[i].Name], s.ProtocolRules()
		out.Task = &task{
			Question: r.Question, Reading: string(r.Reading), ReadingQuestion: r.ReadingQuestion, ReadingOptional: r.ReadingOptional,
			Confidence: r.Confidence, MinPicks: min(r.MinPicks, len(d.Samples)), MaxPicks: r.MaxPicks, AllowNone: r.AllowNone,
			Samples: len(d.Samples), Width: d.width, Height: d.height, Columns: d.columns, Sheets: d.sheets(),
		}
		out.Answer = &answering{Picks: now.Answer.Picks, None: now.Answer.None, Reading: now.Answer.Reading, Confidence: now.Answer.Confidence, Drawn: now.Answer.Drawn}
	}
	return out
}
