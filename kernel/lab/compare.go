package lab

import (
	"path/filepath"

	"github.com/trustsr/trustsr/kernel/wire"
)

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

// AddMethod keeps an image file that another method, such as EDSR, made of the
// same LR picture, of the size of the samples: the plane and the slider then
// show it under this name.
func (s *Space) AddMethod(name, path string) {
	content, err := readLimited(path, wire.MaxRequest/2)
	if err != nil {
		fail(&refusal{"image file: " + err.Error(), "paths are seen from the folder of the notebook"})
	}
	call(wire.Request{Op: wire.OpAddMethod, Space: s.info.Name, Method: name, Image: content})
	say("%s holds the image of %s (%s).", s.info.Name, name, filepath.Base(path))
}
