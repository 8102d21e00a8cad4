package lab

import "github.com/trustsr/trustsr/kernel/wire"

// Slider shows two pictures in one frame with a divider to drag: at first
// bicubic interpolation and the mean of the picks of the list, and on request
// any of the LR picture, the true HR image, the samples and other methods.
// Pixels are enlarged by whole numbers and never smoothed. Below stands what a
// saved notebook keeps.
func (s *Space) Slider(name string) {
	address := s.page("compare", name, nil)
	figure := call(wire.Request{Op: wire.OpSlider, Space: s.info.Name, Picks: name}).Figure
	showPage(address, "comparison of "+s.info.Name, 720)
	showFigure(figure)
}

// SliderHTML writes the page of Slider as one file that works from a disk with
// no notebook and no network.
func (s *Space) SliderHTML(path, name string) {
	s.writePage(path, wire.Request{Op: wire.OpCompareHTML, Picks: name})
}
