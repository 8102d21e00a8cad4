package study

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/trustsr/trustsr/ensemble"
)

// field is a column of a table, in the words of a data dictionary: those of a
// Table Schema of Frictionless Data.
type field struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // string, integer, number, boolean, datetime
	Description string `json:"description"`
}

// table is a file of comma-separated values with its dictionary.
type table struct {
	name   string
	fields []field
	rows   [][]string
}

func (t *table) file() ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	var head []string
	for _, f := range t.fields {
		head = append(head, f.Name)
	}
	w.Write(head) // an error stays until Flush
	for _, row := range t.rows {
		w.Write(row)
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// Tidy returns the data of a study as files by their names, one row a thing:
// participants.csv, ballots.csv, votes.csv (one row a pick), clicks.csv, and
// datapackage.json, which says what every column means and how many joined,
// finished and withdrew. Programs read them without code of their own.
func (v *Votes) Tidy(ctx context.Context) (map[string][]byte, error) {
	people, withdrawn, err := v.People(ctx)
	if err != nil {
		return nil, err
	}
	ballots, err := v.Ballots(ctx)
	if err != nil {
		return nil, err
	}
	clicks, err := v.clicks(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	files := map[string][]byte{}
	var resources []any
	for _, t := range []table{v.peopleTable(people), ballotsTable(ballots), votesTable(ballots), clicks} {
		data, err := t.file()
		if err != nil {
			return nil, err
		}
		files[t.name+".csv"] = data
		resources = append(resources, map[string]any{
			"name": t.name, "path": t.name + ".csv", "profile": "tabular-data-resource", "encoding": "utf-8", "rows": len(t.rows),
			"schema": map[string]any{"fields": t.fields, "missingValues": []string{""}},
		})
	}
	started, finished := 0, 0
	for _, p := range people {
		if p.Stage > 1 {
			started++
		}
		if p.Finished {
			finished++
		}
	}
	consent := sha256.Sum256([]byte(v.study.Consent))
	instructions := sha256.Sum256([]byte(v.study.Instructions))
	files["datapackage.json"], err = json.MarshalIndent(map[string]any{
		"profile": "tabular-data-package", "name": "study", "title": v.study.Title, "resources": resources,
		"note": ensemble.SimulatedNote(ballots),
		"study": map[string]any{
			"protocol": v.study.rules, "seed": v.study.Seed, "ties": v.study.Ties, "trials": v.study.All(),
			"joined": len(people) + withdrawn, "started": started, "finished": finished, "withdrawn": withdrawn,
			"consent_sha256": hex.EncodeToString(consent[:]), "instructions_sha256": hex.EncodeToString(instructions[:]),
		},
	}, "", "  ")
	return files, err
}

func (v *Votes) peopleTable(people []Person) table {
	t := table{name: "participants", fields: []field{
		{"participant", "string", "number of the person in the study"},
		{"joined", "datetime", "when the page was opened, RFC 3339"},
		{"at", "string", "where the person is: consent, instructions, the name of a trial, or done"},
		{"finished", "boolean", "all trials are handed in"},
		{"code", "string", "completion code on the person's page"},
		{"browser", "string", "what the browser calls itself"},
		{"pixel_ratio", "number", "device pixels per CSS pixel; 0 when unknown"},
		{"origin", "integer", "number of the network address, equal for people of one address; 0 when unknown"},
		{"seat", "string", "seat code, where the study has seats"},
	}}
	for _, name := range v.study.Parameters {
		t.fields = append(t.fields, field{"parameter_" + name, "string", "parameter " + name + " of the address that the person opened"})
	}
	all := v.study.All()
	for _, p := range people {
		at := "done"
		switch i := p.Stage - 2; {
		case i == -2:
			at = "consent"
		case i == -1:
			at = "instructions"
		case i < len(all):
			at = all[i].Name
		}
		row := []string{p.Name, stamp(p.Joined), ensemble.Guard(at), strconv.FormatBool(p.Finished), p.Code, ensemble.Guard(p.Browser),
			strconv.FormatFloat(p.PixelRatio, 'g', -1, 64), strconv.Itoa(p.Origin), p.Seat}
		for _, name := range v.study.Parameters {
			row = append(row, ensemble.Guard(p.Parameters[name]))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func ballotsTable(ballots []ensemble.Ballot) table {
	t := table{name: "ballots", fields: []field{
		{"participant", "string", "number of the person in the study"},
		{"trial", "string", "name of the trial"},
		{"shown", "string", "samples in the order shown, row by row, with blanks between them"},
		{"picks", "string", "samples in the order picked, with blanks between them"},
		{"reading", "string", "what the person read"},
		{"none", "boolean", "“none of these” was answered"},
		{"confidence", "integer", "from 1; 0 when not given"},
		{"began", "datetime", "when all pictures were drawn, RFC 3339"},
		{"cast", "datetime", "when it was handed in, RFC 3339"},
		{"seconds", "number", "from began to cast"},
		{"origin", "integer", "number of the network address, as in participants"},
		{"golden", "boolean", "the trial has a known answer and serves to judge participants"},
		{"simulated", "boolean", "no person gave the answer"},
	}}
	for i := range ballots {
		b := &ballots[i]
		seconds := ""
		if d, known := b.Duration(); known {
			seconds = strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
		}
		t.rows = append(t.rows, []string{b.Participant, ensemble.Guard(b.Trial), list(b.Shown), list(b.Picks), ensemble.Guard(b.Reading), strconv.FormatBool(b.None),
			strconv.Itoa(b.Confidence), stamp(b.Began), stamp(b.Cast), seconds, strconv.Itoa(b.Origin), strconv.FormatBool(b.Golden), strconv.FormatBool(b.Simulated)})
	}
	return t
}

func list(samples []uint64) string {
	var out []byte
	for i, s := range samples {
		if i > 0 {
			out = append(out, ' ')
		}
		out = strconv.AppendUint(out, s, 10)
	}
	return string(out)
}

func votesTable(ballots []ensemble.Ballot) table {
	t := table{name: "votes", fields: []field{
		{"participant", "string", "number of the person in the study"},
		{"trial", "string", "name of the trial"},
		{"pick", "integer", "1 for the first pick of the person in the trial, and so on"},
		{"sample", "string", "seed of the sample that was picked; up to 20 digits, too many for a number of spreadsheets"},
		{"position", "integer", "where it stood on the page, from 0"},
		{"reading", "string", "what the person read in the trial"},
		{"golden", "boolean", "the trial serves to judge participants"},
		{"simulated", "boolean", "no person gave the answer"},
	}}
	for i := range ballots {
		b := &ballots[i]
		for n, sample := range b.Picks {
			t.rows = append(t.rows, []string{b.Participant, ensemble.Guard(b.Trial), strconv.Itoa(n + 1), strconv.FormatUint(sample, 10),
				strconv.Itoa(slices.Index(b.Shown, sample)), ensemble.Guard(b.Reading), strconv.FormatBool(b.Golden), strconv.FormatBool(b.Simulated)})
		}
	}
	return t
}

// clicks are all that people did, in the order in which it was stored.
func (v *Votes) clicks(ctx context.Context) (table, error) {
	t := table{name: "clicks", fields: []field{
		{"at", "datetime", "when it was stored, RFC 3339"},
		{"participant", "string", "number of the person in the study; some left before they agreed and are not among the participants"},
		{"step", "integer", "0 consent, 1 instructions, then the trials, training first"},
		{"operation", "string", "join, agree, start, sheet (pictures were sent), drawn, pick, unpick, none, reading, confidence, submit"},
		{"position", "integer", "of a pick: where it stood on the page, from 0; of a sheet: its number"},
		{"value", "string", "what was typed or chosen"},
	}}
	rows, err := v.db.QueryContext(ctx, `SELECT at, participant, step, operation, position, value FROM clicks ORDER BY id`)
	if err != nil {
		return t, err
	}
	defer rows.Close()
	for rows.Next() {
		var at, operation, value string
		var number, step, position int
		if err := rows.Scan(&at, &number, &step, &operation, &position, &value); err != nil {
			return t, err
		}
		t.rows = append(t.rows, []string{at, nameOf(number), strconv.Itoa(step), operation, strconv.Itoa(position), ensemble.Guard(value)})
	}
	return t, rows.Err()
}
