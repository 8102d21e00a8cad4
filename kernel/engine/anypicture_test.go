package engine

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
	"github.com/trustsr/trustsr/srspace/picture"
)

// photo writes a picture with some structure.
func photo(t *testing.T, name string, width, height int) string {
	t.Helper()
	img := picture.NewImage(width, height)
	for i := range img.Pix {
		x, y := i/3%width, i/3/width
		img.Pix[i] = float32((x*y+17*(i%3))%97) / 96
	}
	path := filepath.Join(t.TempDir(), name)
	if err := img.WritePNG(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// A picture of any size is drawn, picked from and compared; what knows digits
// only says so, and leaves out nothing else.
func TestAnyPicture(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	source := &wire.Source{HR: photo(t, "photo.png", 50, 41)}
	s := l.mustAsk(t, wire.Request{Op: wire.OpDraw, Source: source, Draw: &wire.Draw{N: 9}}).Space
	subject := l.mustAsk(t, wire.Request{Op: wire.OpSubject, Source: source}).Subject
	if subject.Width != 12 || subject.Height != 10 || !strings.Contains(subject.Title, "photo.png, reduced by 4, cut to 48×40") {
		t.Fatalf("subject of %d×%d, %q", subject.Width, subject.Height, subject.Title)
	}
	l.mustAsk(t, wire.Request{Op: wire.OpSetPicks, Space: s.Name, Picks: "three", Seeds: []uint64{1, 4, 7}})
	for _, op := range []string{wire.OpWall, wire.OpMean, wire.OpCompare, wire.OpPlane, wire.OpLinkedPlane, wire.OpSlider, wire.OpDisagreement} {
		f := l.mustAsk(t, wire.Request{Op: op, Space: s.Name, Picks: "three", K: 2}).Figure
		if _, err := png.Decode(bytes.NewReader(f.PNG)); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	if compared := l.mustAsk(t, wire.Request{Op: wire.OpCompare, Space: s.Name, Picks: "three"}).Figure.Caption; !strings.Contains(compared, "psnr/rgb/crop0") {
		t.Errorf("the truth is not known: %s", compared)
	}
	for _, op := range []string{wire.OpReadings, wire.OpStandIn} {
		if _, _, err := l.ask(wire.Request{Op: op, Space: s.Name, Picks: "x", Cap: 3}); err == nil || !strings.Contains(err.Error(), "48×40") || hint.Of(err) == "" {
			t.Errorf("%s: %v, hint %q", op, err, hint.Of(err))
		}
	}
	// Task 2: people only choose; there is no reading to count.
	people := l.mustAsk(t, wire.Request{Op: wire.OpSimulate, Space: s.Name, People: 6, Behaviour: "expert"})
	if text := strings.Join(people.Markdown, "\n"); strings.Contains(text, "Table 1") || !strings.Contains(text, "lrpsnr/matlab-u8/vs-lr") {
		t.Errorf("people:\n%s", text)
	}
	if status, _ := l.http(t, "GET", "/gallery/"+s.Name+"/data", ""); status != 200 {
		t.Errorf("gallery: status %d", status)
	}
}

// A truth of another picture's size is refused before anything is drawn.
func TestTruth(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	lr := photo(t, "lr.png", 12, 10)
	ask := wire.Request{Op: wire.OpDraw, Source: &wire.Source{LR: lr, HR: photo(t, "hr.png", 48, 41)}, Draw: &wire.Draw{N: 2}}
	if _, _, err := l.ask(ask); err == nil || !strings.Contains(err.Error(), "48×41") {
		t.Errorf("error %v", err)
	}
	ask.Source.HR = ""
	name := l.mustAsk(t, ask).Space.Name
	if _, _, err := l.ask(wire.Request{Op: wire.OpPlane, Space: name}); err == nil || !strings.Contains(hint.Of(err), ".HR(") {
		t.Errorf("without a truth: %v, hint %q", err, hint.Of(err))
	}
	ask.Source.HR = photo(t, "hr.png", 48, 40) // named later, the samples are there
	l.mustAsk(t, ask)
	l.mustAsk(t, wire.Request{Op: wire.OpPlane, Space: name})
}

// A folder of pictures made elsewhere is a space for everything that needs
// nothing but pictures; the LR picture and the truth add what needs them.
func TestFolder(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	dir := t.TempDir()
	for i := range 12 {
		if err := texture(uint64(i), 48, 40).WritePNG(filepath.Join(dir, fmt.Sprintf("000801_sample%05d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	s := l.mustAsk(t, wire.Request{Op: wire.OpFolder, Folder: &wire.Folder{Dir: dir}}).Space
	if s.Samples != 12 || !strings.HasPrefix(s.Name, "folder-") || !strings.Contains(s.Addresses[3], "000801_sample00003.png") {
		t.Fatalf("space %+v", s)
	}
	l.mustAsk(t, wire.Request{Op: wire.OpSetPicks, Space: s.Name, Picks: "three", Seeds: []uint64{1, 4, 7}})
	for _, op := range []string{wire.OpWall, wire.OpMean, wire.OpCompare, wire.OpSlider, wire.OpLinkedPlane, wire.OpDirections, wire.OpClusters, wire.OpSimulate} {
		l.mustAsk(t, wire.Request{Op: op, Space: s.Name, Picks: "three", K: 2, People: 5, Behaviour: "expert"})
	}
	for _, path := range []string{"", "/data", "/sprite.png?seeds=1,2", "/picks"} {
		if status, text := l.http(t, "GET", "/gallery/"+s.Name+path, ""); status != 200 {
			t.Errorf("gallery%s: status %d, %s", path, status, text)
		}
	}
	whole := &wire.Folder{Dir: dir, LR: photo(t, "lr.png", 12, 10), HR: photo(t, "hr.png", 48, 40)}
	if again := l.mustAsk(t, wire.Request{Op: wire.OpFolder, Folder: whole}).Space; again.Name != s.Name {
		t.Errorf("names %q and %q", s.Name, again.Name)
	}
	l.mustAsk(t, wire.Request{Op: wire.OpPlane, Space: s.Name, Picks: "three"})
	if picks := l.mustAsk(t, wire.Request{Op: wire.OpPicks, Space: s.Name, Picks: "three"}).Picks; len(picks.Seeds) != 3 {
		t.Errorf("picks %v", picks.Seeds)
	}
	whole.HR = photo(t, "hr.png", 20, 20)
	if _, _, err := l.ask(wire.Request{Op: wire.OpFolder, Folder: whole}); err == nil || !strings.Contains(err.Error(), "20×20") {
		t.Errorf("a truth of another size: %v", err)
	}
	if _, _, err := l.ask(wire.Request{Op: wire.OpFolder, Folder: &wire.Folder{Dir: t.TempDir()}}); err == nil || hint.Of(err) == "" {
		t.Errorf("an empty folder: %v", err)
	}
}

// A study from its file to its report, from cells alone.
func TestStudyFromCells(t *testing.T) {
	l := startEngine(t, fakeTools(0))
	name := l.drawn(t, 24)
	file := filepath.Join(t.TempDir(), "class.yaml")
	made := l.mustAsk(t, wire.Request{Op: wire.OpNewStudy, Study: &wire.Study{File: file, Spaces: []string{name}}})
	if text := made.Markdown[0]; !strings.Contains(text, "trial-1: 24 samples of "+name) || !strings.Contains(text, "It is new") {
		t.Errorf("new study: %s", text)
	}
	if again := l.mustAsk(t, wire.Request{Op: wire.OpNewStudy, Study: &wire.Study{File: file}}); strings.Contains(again.Markdown[0], "It is new") {
		t.Error("a file that was there is called new")
	}
	report := wire.Request{Op: wire.OpStudyReport, Study: &wire.Study{File: file}}
	if _, _, err := l.ask(report); err == nil || !strings.Contains(hint.Of(err), "lab.Rehearse") {
		t.Errorf("without votes: %v, hint %q", err, hint.Of(err))
	}
	for range 2 { // the second replaces the first
		l.mustAsk(t, wire.Request{Op: wire.OpRehearse, Study: &wire.Study{File: file, People: 6, Behaviour: "expert"}})
	}
	report.Study.Store = strings.TrimSuffix(file, ".yaml") + ".simulated.db"
	out := l.mustAsk(t, report)
	if text := strings.Join(out.Markdown, "\n"); !strings.Contains(text, "6 of 6") && !strings.Contains(text, "| 6 |") || len(out.Figures) != 1 {
		t.Errorf("report with %d figures:\n%s", len(out.Figures), text)
	}
	for _, name := range []string{"report.md", "table1.csv", "fig4.png", "plane.png", "ballots.csv"} {
		if info, err := os.Stat(filepath.Join(filepath.Dir(file), "class-report", name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
