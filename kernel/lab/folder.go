package lab

import (
	"path/filepath"

	"github.com/trustsr/trustsr/kernel/wire"
)

// Pictures is a folder of samples that another program made of one LR picture.
type Pictures struct{ folder wire.Folder }

// Folder names a folder of PNG files made elsewhere, by any method: numbered
// (17.png) or as the NTIRE challenges call them (000003_sample00017.png), with
// the LR picture as lr.png beside them, if there is one. Open makes it a space.
//
//	lab.Folder("SRFlow/").HR("truth.png").Open().Gallery("three", 3)
func Folder(dir string) *Pictures { return &Pictures{wire.Folder{Dir: input("folder", dir)}} }

// LR names the LR picture, where the folder has no lr.png.
func (p *Pictures) LR(path string) *Pictures {
	changed := *p
	changed.folder.LR = input("LR picture", path)
	return &changed
}

// HR names the truth: an image file of the size of the samples.
func (p *Pictures) HR(path string) *Pictures {
	changed := *p
	changed.folder.HR = input("HR picture", path)
	return &changed
}

// Open returns the folder as a space. The folder is only read; picks and scores
// are kept with the other spaces.
func (p *Pictures) Open() *Space {
	return &Space{info: *call(wire.Request{Op: wire.OpFolder, Folder: &p.folder}).Space}
}

// AddMethod keeps an image file that another method, such as EDSR, made of the
// same LR picture, of the size of the samples: the plane and the slider then
// show it under this name.
func (s *Space) AddMethod(name, path string) {
	call(wire.Request{Op: wire.OpAddMethod, Space: s.info.Name, Method: name, Image: input("image file", path)})
	say("%s holds the image of %s (%s).", s.info.Name, name, filepath.Base(path))
}

// Methods adds the outputs of several methods, one folder a method, named by
// the folder. pattern says which file of each folder belongs to this picture:
// "baby_*_x4.png", where * stands for anything. The plane, the comparison and
// the slider then show them all.
func (s *Space) Methods(pattern string, dirs ...string) {
	for _, dir := range dirs {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		name := filepath.Base(filepath.Clean(dir))
		switch {
		case err != nil:
			fail(&refusal{"pattern " + pattern + ": " + err.Error(), "write a file's name, with * for anything"})
		case len(found) == 0:
			fail(&refusal{"no file of " + dir + " is called " + pattern, "write a file's name, with * for anything; paths are seen from the folder of the notebook"})
		case len(found) > 1:
			fail(&refusal{"several files of " + dir + " are called " + pattern + ", such as " + filepath.Base(found[0]) + " and " + filepath.Base(found[1]), "write a pattern that one file fits"})
		}
		s.AddMethod(name, found[0])
	}
}
