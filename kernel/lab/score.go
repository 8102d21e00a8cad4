package lab

import "github.com/trustsr/trustsr/kernel/wire"

// Scores says which pictures are scored, as the command score does.
type Scores struct{ score wire.Score }

// Score names folders of pictures, or single files, to be scored: each is a
// row of the table.
//
//	lab.Score("RCAN", "SwinIR").HR("HR").LR("LR").Metrics("paper").Table()
func Score(sr ...string) *Scores {
	s := &Scores{}
	for _, path := range sr {
		s.score.SR = append(s.score.SR, input("pictures", path))
	}
	return s
}

func (s *Scores) change(do func(*wire.Score)) *Scores {
	changed := *s
	do(&changed.score)
	return &changed
}

// HR names the folder or the file of the HR images. Files pair by name; a
// pattern such as "{}_HR_x4" says where in a file's name the picture's name is.
func (s *Scores) HR(path string, pattern ...string) *Scores {
	return s.change(func(s *wire.Score) { s.HR, s.HRName = input("pictures", path), first(pattern) })
}

// LR names the folder or the file of the LR images, for LR consistency.
func (s *Scores) LR(path string, pattern ...string) *Scores {
	return s.change(func(s *wire.Score) { s.LR, s.LRName = input("pictures", path), first(pattern) })
}

// Names is the pattern of the scored files' names, for example "{}_*_x4": one
// for all folders, or one for each in their order.
func (s *Scores) Names(patterns ...string) *Scores {
	return s.change(func(s *wire.Score) { s.SRName = patterns })
}

// Metrics names presets and ids, separated by commas; "paper" unless it is
// said.
func (s *Scores) Metrics(list string) *Scores {
	return s.change(func(s *wire.Score) { s.Metrics = list })
}

// Scale is the factor of super-resolution, 4 unless it is said.
func (s *Scores) Scale(factor int) *Scores { return s.change(func(s *wire.Score) { s.Scale = factor }) }

// Table scores the pictures and shows the means over images, each column with
// its convention. Known scores are not worked out again.
func (s *Scores) Table() {
	showResult(call(wire.Request{Op: wire.OpScore, Score: &s.score}))
}

// Explain shows each pair under the conventions of all toolkits.
func (s *Scores) Explain() {
	showResult(call(wire.Request{Op: wire.OpScore, Score: &s.change(func(s *wire.Score) { s.Explain = true }).score}))
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
