package lab

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"

	"github.com/trustsr/trustsr/kernel/wire"
)

// Space is the set of samples drawn of one LR picture with one recipe.
type Space struct{ info wire.Space }

// Open returns a space drawn earlier, by its name, for example "digit-18".
func Open(name string) *Space {
	return &Space{info: *call(wire.Request{Op: wire.OpSpace, Space: name}).Space}
}

// Name returns the name of the space, for example "digit-18".
func (s *Space) Name() string { return s.info.Name }

// Len returns the number of samples.
func (s *Space) Len() int { return s.info.Samples }

// Seeds returns the seeds of the samples, in the order drawn.
func (s *Space) Seeds() []uint64 { return append([]uint64(nil), s.info.Seeds...) }

// Address returns everything that decides the pixels of the sample of a seed,
// in one line.
func (s *Space) Address(seed uint64) string {
	for i, have := range s.info.Seeds {
		if have == seed {
			return s.info.Addresses[i]
		}
	}
	fail(&refusal{fmt.Sprintf("space %s has no sample of seed %d", s.info.Name, seed), "Seeds() lists the seeds there are"})
	return ""
}

// Show shows in one line what the space is.
func (s *Space) Show() {
	say("%s: %d samples; %s", s.info.Name, s.info.Samples, s.info.Recipe)
}

// Wall shows all samples in one picture.
func (s *Space) Wall() { s.figure(wire.OpWall, "") }

// Gallery shows the samples for picking: click to pick, click again to take
// back, at most cap. Each pick is stored before it is shown as taken, in the
// list of that name. Below it stands a static picture of the wall with the
// picks framed, which is what a saved notebook keeps.
func (s *Space) Gallery(name string, cap int) {
	base, token := os.Getenv(wire.EnvURL), os.Getenv(wire.EnvToken)
	if base == "" || token == "" {
		fail(&refusal{"there is no gallery: " + wire.EnvURL + " is not set", startHint})
	}
	s.picks(wire.Request{Op: wire.OpPicks, Picks: name, Cap: cap})
	query := url.Values{"token": {token}, "name": {name}, "cap": {strconv.Itoa(cap)}}
	address := base + "/gallery/" + url.PathEscape(s.info.Name) + "?" + query.Encode()
	showPage(address, "gallery of "+s.info.Name, 640)
	s.figure(wire.OpWall, name)
}

// Readings shows how many samples the digit reader reads as which digit. It
// says nothing on which digit is true.
func (s *Space) Readings() { bars(s.readings()) }

// ReadAs returns how many samples are read as each digit.
func (s *Space) ReadAs() [10]int { return s.readings().Counts }

// MostRead returns the digits that any sample is read as, the most frequent
// first; of equals the smaller digit first.
func (s *Space) MostRead() []int { return mostRead(s.ReadAs()) }

func mostRead(counts [10]int) []int {
	var digits []int
	for digit, n := range counts {
		if n > 0 {
			digits = append(digits, digit)
		}
	}
	slices.SortStableFunc(digits, func(a, b int) int { return counts[b] - counts[a] })
	return digits
}

func (s *Space) readings() *wire.Readings {
	return call(wire.Request{Op: wire.OpReadings, Space: s.info.Name}).Readings
}

// Compare shows in one row: LR, bicubic, other methods that were added, a random
// sample, the mean of the picks of the list and, where it is known, the true HR
// image with PSNR and the perception metric below each picture.
func (s *Space) Compare(name string) { s.figure(wire.OpCompare, name) }

// Plane shows the PSNR–LPIPS plane: all samples, bicubic, one random sample
// and the mean of the picks of the list. It needs a known HR image.
func (s *Space) Plane(name string) { s.figure(wire.OpPlane, name) }

func (s *Space) figure(op, name string) {
	showFigure(call(wire.Request{Op: op, Space: s.info.Name, Picks: name}).Figure)
}
