package ensemble_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trustsr/trustsr/ensemble"
	"github.com/trustsr/trustsr/internal/hint"
)

// Tables as Excel (English, German, French), R's write.csv and pandas' to_csv
// write them, of the same two ballots.
func TestReadCSVOfOthers(t *testing.T) {
	began := time.Date(2026, 11, 28, 15, 20, 1, 0, time.UTC)
	want := []ensemble.Ballot{
		{Participant: "Zoë", Trial: "t", Shown: []uint64{0, 1, 2}, Picks: []uint64{2, 0}, Reading: "5", Confidence: 3, Began: began, Cast: began.Add(time.Minute), PixelRatio: 1.5},
		{Participant: "p2", Trial: "t", Shown: []uint64{2, 1, 0}, Picks: []uint64{}, None: true},
	}
	for name, text := range map[string]string{
		"Excel in German": "\ufeffparticipant;trial;shown;picks;reading;none;confidence;began;cast;pixel_ratio\r\n" +
			"Zoë;t;0 1 2;2 0;5;FALSCH;3;28.11.2026 15:20:01;28.11.2026 15:21:01;1,5\r\np2;t;2 1 0;;;WAHR;0;;;0\r\n;;;;;;;;;\r\n",
		"Excel in French, with its first line": "sep=;\r\nparticipant;trial;shown;picks;reading;none;confidence;began;cast;pixel_ratio;;\r\n" +
			"Zoë;t;0 1 2;2 0;5;FAUX;3;2026-11-28 15:20:01;2026-11-28 15:21:01;1,5;;\r\np2;t;2 1 0;;;VRAI;0;;;0;;\r\n",
		"R": `"","participant","trial","shown","picks","reading","none","confidence","began","cast","pixel_ratio"` + "\n" +
			`"1","Zoë","t","0 1 2","2 0","5",FALSE,3,2026-11-28 15:20:01,2026-11-28 15:21:01,1.5` + "\n" + `"2","p2","t","2 1 0",NA,"",TRUE,NA,NA,NA,NA` + "\n",
		"pandas": ",participant,trial,shown,picks,reading,none,confidence,began,cast,pixel_ratio\n" +
			"0,Zoë,t,0 1 2,\"[2, 0]\",5,False,3.0,2026-11-28 15:20:01+00:00,2026-11-28 15:21:01.000000+00:00,1.5\n1,p2,t,\"[2, 1, 0]\",[],,True,0.0,NaT,,\n",
		"blanks after commas, columns in another order": "trial, participant, picks, shown, reading, none, confidence, began, cast, pixel_ratio\n" +
			"t, Zoë, 2 0, 0 1 2, 5, 0.0, 3, 2026-11-28T15:20:01Z, 2026-11-28 15:21:01, 1.5\nt, \"p2\", , 2 1 0, , 1.0, 0, , , 0.0\n",
		"tabs": "Participant\tTrial\tShown\tPicks\tReading\tNone\tConfidence\tBegan\tCast\tPixel_ratio\n" +
			"Zoë\tt\t0 1 2\t2 0\t5\t\t3\t2026-11-28 15:20:01\t2026-11-28 15:21:01\t1.5\np2\tt\t2 1 0\t\t\t1\t\t\t\t\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ensemble.ReadCSV(strings.NewReader(text))
			if err != nil {
				t.Fatal(err, hint.Of(err))
			}
			for i := range got {
				if first := strings.Count(text[:strings.Index(strings.ToLower(text), "participant")], "\n") + 2; got[i].Line != first+i {
					t.Errorf("ballot %d is of line %d, want %d", i, got[i].Line, first+i)
				}
				got[i].Line, got[i].Began, got[i].Cast = 0, got[i].Began.UTC(), got[i].Cast.UTC()
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// What cannot be read is refused with the place and with what to change.
func TestReadCSVSays(t *testing.T) {
	const head = "participant,trial,shown,picks,reading,confidence,began\n"
	for name, c := range map[string][3]string{
		"a workbook":                    {"PK\x03\x04", "workbook", "CSV UTF-8"},
		"UTF-16":                        {"\xff\xfep\x00a\x00", "UTF-16", "CSV UTF-8"},
		"Windows-1252":                  {head + "Zo\xeb,t,0 1,0,5,,\n", "line 2", "CSV UTF-8"},
		"carriage returns":              {"participant,trial,shown,picks\rp,t,0,0\r", "carriage", "line feeds"},
		"a list with commas, no quotes": {head + "p,t,0,1,2,0,5,,\n", "line 2: 9 fields, the header has 7", "double quotes"},
		"a day or a month":              {head + "p,t,0 1,0,5,,11/12/2026 15:20\n", "line 2: began: \"11/12/2026 15:20\"", "2026-11-28 15:20:01"},
		"half a confidence":             {head + "p,t,0 1,0,5,2.5,\n", `line 2: confidence: "2.5" is no whole number`, ""},
		"a seed that Excel has rounded": {head + "p,t,1.84467E+19,1.84467E+19,5,,\n", "line 2: shown", "whole numbers"},
		"seven, or seven and nought":    {head + "p,t,7 0,\"7,0\",5,,\n", "line 2: picks", "blanks"},
		"another column":                {"participant,trial,shown,picks,truth\n", `"truth" is unknown`, "the columns are"},
		"a field without a column":      {"participant,trial,shown,picks,\np,t,0,0,9\n", "line 2: column 5", ""},
	} {
		_, err := ensemble.ReadCSV(strings.NewReader(c[0]))
		if !errors.Is(err, ensemble.ErrBallot) || !strings.Contains(fmt.Sprint(err), c[1]) || !strings.Contains(hint.Of(err), c[2]) {
			t.Errorf("%s: error %v, hint %q; want %q and %q", name, err, hint.Of(err), c[1], c[2])
		}
	}
}

// endless is a line that does not end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return copy(p, bytes.Repeat([]byte("7 "), len(p)/2+1)), nil
}

func TestReadCSVBounds(t *testing.T) {
	for _, quote := range []string{"", `"`} {
		e := &endless{}
		start := strings.NewReader("participant,trial,shown,picks\np,t," + quote)
		if _, err := ensemble.ReadCSV(&chain{start, e}); !errors.Is(err, ensemble.ErrBallot) || e.read > 4<<20 {
			t.Errorf("an endless line: error %v after %d bytes", err, e.read)
		}
	}
	e := &endless{}
	if _, err := ensemble.ReadCSV(e); !errors.Is(err, ensemble.ErrBallot) || e.read > 4<<20 {
		t.Errorf("an endless header: error %v after %d bytes", err, e.read)
	}
}

// chain reads one after the other.
type chain struct {
	first *strings.Reader
	then  *endless
}

func (c *chain) Read(p []byte) (int, error) {
	if c.first.Len() > 0 {
		return c.first.Read(p)
	}
	return c.then.Read(p)
}

func TestNoBallots(t *testing.T) {
	for name, text := range map[string]string{"b.csv": "participant,trial,shown,picks,reading\n", "b.jsonl": "\n"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ensemble.ReadBallots(path); !errors.Is(err, ensemble.ErrNoVotes) || !strings.Contains(err.Error(), "no ballots") {
			t.Errorf("%s without ballots: error %v", name, err)
		}
	}
}

// Numbers that count from 1, as R's do, name samples that the space does not
// have. The error names the line and the number, whether or not the sample is
// among the chosen.
func TestSamplesOutsideTheSpace(t *testing.T) {
	samples := greys(20, 5)
	o := ensemble.ReportOptions{Protocol: ensemble.Method()}
	text := "participant,trial,shown,picks,reading\np0,t,0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19,1 2,4\n" +
		"p1,t,1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20,1 2,4\n"
	ballots, err := ensemble.ReadCSV(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, err = ensemble.NewReport(t.Context(), "t", ballots, samples, o)
	if !errors.Is(err, ensemble.ErrBallot) || !errors.Is(err, ensemble.ErrSample) || !strings.Contains(err.Error(), "line 3, ") ||
		!strings.Contains(err.Error(), "no sample 20, it has 20 from 0 to 19") || !strings.Contains(hint.Of(err), "subtract 1") {
		t.Errorf("shown from 1: error %v, hint %q", err, hint.Of(err))
	}
	ballots[1] = vote("p1", 20, "4", 3)
	if _, err := ensemble.NewReport(t.Context(), "t", ballots, samples, o); err != nil {
		t.Error(err)
	}
	if _, err := ensemble.NewReport(t.Context(), "t", ballots, samples[1:], o); !errors.Is(err, ensemble.ErrSample) || !strings.Contains(err.Error(), "line 2, ") {
		t.Errorf("a space without sample 0: error %v", err)
	}
}

// A spreadsheet runs what starts with one of these signs, also where it ends
// fields at another sign than the comma, and in their wide forms.
func TestCSVFormulas(t *testing.T) {
	for _, text := range []string{
		"=1+1", "+1", "-1", "@SUM(A1)", "x;=1+1", "x,=1+1", "x|@A1", "x; =1+1", "＝1+1", "＠A1", "﹦1", "−1", "5;＋6",
		"'tis", "''", "x;'y", "5", "a=b", "6-7", `";=1"`, "'=1",
	} {
		b := vote("p", 3, text, 1)
		var file bytes.Buffer
		if err := ensemble.WriteCSV(&file, []ensemble.Ballot{b}); err != nil {
			t.Fatal(err)
		}
		got, err := ensemble.ReadCSV(bytes.NewReader(file.Bytes()))
		if err != nil || got[0].Reading != text {
			t.Errorf("%q comes back as %q, error %v", text, got[0].Reading, err)
		}
		field := ensemble.Guard(text)
		for _, part := range strings.FieldsFunc(field, func(r rune) bool { return strings.ContainsRune(",;|", r) }) {
			if r := []rune(strings.TrimLeft(part, " ")); len(r) > 0 && slices.Contains([]rune("=+-@＝＋－＠﹦−"), r[0]) {
				t.Errorf("%q is written as %q, in which %q is a formula", text, field, part)
			}
		}
	}
	if got := ensemble.Guard("a=b 6-7"); got != "a=b 6-7" {
		t.Errorf("a harmless text is written as %q", got)
	}
}
