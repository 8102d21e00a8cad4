package jpeg

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// published are the files of testdata with what libjpeg-turbo reads from them.
type published struct {
	name                    string
	width, height, channels int
	sum                     string
}

func publishedPixels(t testing.TB) []published {
	t.Helper()
	table, err := os.ReadFile("testdata/pixels.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []published
	for _, line := range strings.Split(strings.TrimSpace(string(table)), "\n")[1:] {
		cells := strings.Split(line, "\t")
		p := published{name: cells[0], sum: cells[4]}
		for i, n := range []*int{&p.width, &p.height, &p.channels} {
			if *n, err = strconv.Atoi(cells[1+i]); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, p)
	}
	return all
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeEqualsLibjpegTurbo(t *testing.T) {
	for _, want := range publishedPixels(t) {
		t.Run(want.name, func(t *testing.T) {
			data := read(t, want.name)
			p, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(p.Pix)
			if p.Width != want.width || p.Height != want.height || p.Channels != want.channels || hex.EncodeToString(sum[:]) != want.sum {
				t.Errorf("%d×%d×%d, sum %x, want %+v", p.Width, p.Height, p.Channels, sum, want)
			}
			c, err := DecodeConfig(data)
			if err != nil || c != (Config{want.width, want.height, want.channels}) {
				t.Errorf("config %+v, %v", c, err)
			}
		})
	}
}

// Every beginning of a file must be an error: nothing is filled in.
func TestDecodeRefusesCutFiles(t *testing.T) {
	for _, name := range []string{"420-restarts.jpg", "420-progressive.jpg", "420-scans-apart.jpg"} {
		data := read(t, name)
		for n := range data {
			if _, err := Decode(data[:n]); !errors.Is(err, ErrCut) {
				t.Fatalf("%s, %d of %d bytes: %v, want %v", name, n, len(data), err, ErrCut)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := read(t, "420-restarts.jpg")
	replaced := func(old, new string) []byte {
		changed := bytes.Replace(good, []byte(old), []byte(new), 1)
		if bytes.Equal(changed, good) {
			t.Fatalf("no %q in the file", old)
		}
		return changed
	}
	progressive := read(t, "420-progressive.jpg")
	last := bytes.LastIndex(progressive, []byte("\xff\xda"))
	lastScans := append(bytes.Clone(progressive[:last]), "\xff\xd9"...)
	for last > 0 && bytes.Count(lastScans, []byte("\xff\xda")) > 4 { // down to the first passes
		last = bytes.LastIndex(lastScans, []byte("\xff\xda"))
		lastScans = append(lastScans[:last], "\xff\xd9"...)
	}
	for name, c := range map[string]struct {
		data []byte
		want error
		word string
	}{
		"no jpeg":                {[]byte("hello"), ErrFormat, "start"},
		"arithmetic":             {replaced("\xff\xc0", "\xff\xc9"), ErrUnsupported, "SOF9"},
		"lossless":               {replaced("\xff\xc0", "\xff\xc3"), ErrUnsupported, "SOF3"},
		"12 bits":                {replaced("\xff\xc0\x00\x11\x08", "\xff\xc0\x00\x11\x0c"), ErrUnsupported, "12 bits"},
		"no height":              {replaced("\xff\xc0\x00\x11\x08\x00\x23", "\xff\xc0\x00\x11\x08\x00\x00"), ErrUnsupported, "DNL"},
		"a restart marker wrong": {replaced("\xff\xd0", "\xff\xd5"), ErrFormat, "restart marker 0"},
		"sampling of 2 in 3":     {bytes.Replace(read(t, "luma-420-cb-422.jpg"), []byte("\x01\x22\x00\x02\x21"), []byte("\x01\x32\x00\x02\x21"), 1), ErrUnsupported, "sampling"},
		"a table twice as large": {replaced("\xff\xc4\x00\x1f\x00\x00\x01", "\xff\xc4\x00\x1f\x00\x03\x01"), ErrFormat, "code"},
		"no picture":             {[]byte("\xff\xd8\xff\xd9"), ErrFormat, "no picture"},
		"missing passes":         {lastScans, ErrUnsupported, "last scans"},
	} {
		if _, err := Decode(c.data); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: %v, want %v that says %q", name, err, c.want, c.word)
		}
	}
}

// FuzzDecode looks for panics, and for pictures whose size is not the header's.
func FuzzDecode(f *testing.F) {
	for _, p := range publishedPixels(f) {
		f.Add(read(f, p.name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeConfig(data)
		if err != nil || c.Width*c.Height > 1<<14 {
			return // as callers do, who bound the size
		}
		p, err := Decode(data)
		if err != nil {
			if !errors.Is(err, ErrCut) && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
				t.Fatal(err)
			}
			return
		}
		if p.Width != c.Width || p.Height != c.Height || len(p.Pix) != c.Width*c.Height*c.Components {
			t.Fatalf("%+v gives %d×%d, %d values", c, p.Width, p.Height, len(p.Pix))
		}
	})
}
