package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/kernel/wire"
)

// varietyScripts answers the cell "variety".
func varietyScripts(page string) [][]wire.Reply {
	figure := func(caption string, groups ...[]uint64) []wire.Reply {
		return []wire.Reply{{Result: &wire.Result{Figure: &wire.Figure{Caption: caption, Width: 9, Height: 9}, Groups: groups}}}
	}
	return [][]wire.Reply{
		{space()}, figure("where"), figure("along"), figure("groups", []uint64{0, 2}, []uint64{1}), figure("few", []uint64{2, 1}),
		figure("plane"), figure("slider"), {space()}, {{Result: &wire.Result{Page: []byte(page)}}},
	}
}

// What the calls ask, show, return and write.
func TestVariety(t *testing.T) {
	socket, requests := engine(t, varietyScripts("<html>")...)
	dir := t.TempDir()
	image, page := filepath.Join(dir, "x.png"), filepath.Join(dir, "plane.html")
	if err := os.WriteFile(image, []byte("an image"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, status := cell(t, "variety", wire.EnvSocket+"="+socket, wire.EnvURL+"=http://127.0.0.1:1", wire.EnvToken+"=t&u",
		"TRUSTSR_TEST_IMAGE="+image, "TRUSTSR_TEST_PAGE="+page)
	want := "where (picture of 9×9 pixels)\nalong (picture of 9×9 pixels)\ngroups (picture of 9×9 pixels)\nfew (picture of 9×9 pixels)\n" +
		"[[0 2] [1]] [2 1]\n" +
		"plane of digit-18: open the notebook to use it\nplane (picture of 9×9 pixels)\n" +
		"comparison of digit-18: open the notebook to use it\nslider (picture of 9×9 pixels)\n" +
		"digit-18 holds the image of EDSR (x.png).\n" +
		page + ": 1 kB; it needs nothing else to be opened in a browser.\n"
	if status != 0 || out != want {
		t.Errorf("status %d, stderr %q, stdout %q, want %q", status, errs, out, want)
	}
	for i, want := range []wire.Request{
		{Op: wire.OpSpace}, {Op: wire.OpDisagreement}, {Op: wire.OpDirections, K: 3}, {Op: wire.OpClusters, K: 2}, {Op: wire.OpDiverse, K: 2},
		{Op: wire.OpLinkedPlane, Picks: "five", Metrics: []string{"dists/noresize"}}, {Op: wire.OpSlider, Picks: "five"},
		{Op: wire.OpAddMethod, Method: "EDSR", Image: image}, {Op: wire.OpPlaneHTML, Picks: "five"},
	} {
		got := <-requests
		if got.Op != want.Op || got.Space != "digit-18" || got.K != want.K || got.Picks != want.Picks || got.Method != want.Method ||
			got.Image != want.Image || strings.Join(got.Metrics, ",") != strings.Join(want.Metrics, ",") {
			t.Errorf("request %d is %+v, want %+v", i, got, want)
		}
	}
	if written, err := os.ReadFile(page); err != nil || string(written) != "<html>" {
		t.Errorf("the file holds %q, %v", written, err)
	}
}

// In a notebook a page is a frame, and a picture for when the notebook is
// saved.
func TestPagesInNotebook(t *testing.T) {
	socket, _ := engine(t, varietyScripts("<html>")...)
	env, shown := gonb(t)
	image := filepath.Join(t.TempDir(), "x.png")
	os.WriteFile(image, nil, 0o600)
	_, errs, status := cell(t, "variety", append(env, wire.EnvSocket+"="+socket, wire.EnvURL+"=http://127.0.0.1:1", wire.EnvToken+"=t&u",
		"TRUSTSR_TEST_IMAGE="+image, "TRUSTSR_TEST_PAGE="+filepath.Join(t.TempDir(), "nowhere", "plane.html"))...)
	if status != 1 || !strings.HasPrefix(errs, "error: writing the page: write ") || !strings.HasSuffix(errs, "hint: paths are seen from the folder of the notebook\n") {
		t.Errorf("status %d, stderr %q", status, errs)
	}
	var all []string
	pictures := 0
	for _, d := range shown() {
		if text, ok := d.Data["text/html"].(string); ok {
			all = append(all, text)
		}
		if _, ok := d.Data["image/png"]; ok {
			pictures++
		}
	}
	for _, want := range []string{
		`<object data="http://127.0.0.1:1/plane/digit-18?metric=dists%2Fnoresize&amp;name=five&amp;token=t%26u" type="text/html" title="plane of digit-18"`,
		`<a href="http://127.0.0.1:1/plane/digit-18?metric=dists%2Fnoresize&amp;name=five&amp;token=t%26u" target="_blank" rel="noopener">plane of digit-18 in a tab of its own</a>`,
		`<object data="http://127.0.0.1:1/compare/digit-18?name=five&amp;token=t%26u" type="text/html" title="comparison of digit-18"`,
	} {
		if !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("not shown: %s\nshown: %s", want, strings.Join(all, "\n"))
		}
	}
	if pictures != 6 {
		t.Errorf("%d pictures, want 6", pictures)
	}
}
