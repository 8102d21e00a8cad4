package ensemble

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/ensemble/stats"
)

// Table1Markdown returns the paper's Table 1 of what people read, as
// Markdown, with what the paper leaves out: intervals and the exact test
// against ½ of each share.
func Table1Markdown(counts []ReadingCount) string {
	if len(counts) == 0 {
		return "Nobody gave a reading.\n"
	}
	rows := []struct {
		name string
		cell func(c *ReadingCount) string
	}{
		{"", func(c *ReadingCount) string { return "Perceived as “" + cell(c.Reading) + "”" }},
		{"# of People", func(c *ReadingCount) string {
			return fmt.Sprintf("%d (%.1f%%)", c.People, 100*float64(c.People)/float64(c.Of))
		}},
		{"95 % interval, Wilson", func(c *ReadingCount) string { return percent(c.Wilson) }},
		{"95 % interval, Clopper–Pearson", func(c *ReadingCount) string { return percent(c.ClopperPearson) }},
		{"exact two-sided p against ½", func(c *ReadingCount) string { return pValue(c.Test.TwoSided) }},
	}
	if slices.ContainsFunc(counts, func(c ReadingCount) bool { return c.Simulated > 0 }) {
		simulated := struct {
			name string
			cell func(c *ReadingCount) string
		}{"**of them simulated, no people**", func(c *ReadingCount) string { return strconv.Itoa(c.Simulated) }}
		rows = slices.Insert(rows, 2, simulated)
	}
	var s strings.Builder
	for i, row := range rows {
		s.WriteString("| " + row.name)
		for j := range counts {
			s.WriteString(" | " + row.cell(&counts[j]))
		}
		s.WriteString(" |\n")
		if i == 0 {
			s.WriteString("|---" + strings.Repeat("|---:", len(counts)) + "|\n")
		}
	}
	return s.String()
}

// Table1CSV writes the paper's Table 1 as comma-separated values, one line a
// reading. The last column is how many of the people are simulated.
func Table1CSV(w io.Writer, counts []ReadingCount) error {
	out := csv.NewWriter(w)
	out.Write([]string{"reading", "people", "of", "share", "wilson_low", "wilson_high",
		"clopper_pearson_low", "clopper_pearson_high", "p_two_sided_against_half", "simulated"}) // an error stays until Flush
	for _, c := range counts {
		line := []string{Guard(c.Reading), strconv.Itoa(c.People), strconv.Itoa(c.Of)}
		for _, v := range []float64{float64(c.People) / float64(c.Of), c.Wilson.Low, c.Wilson.High,
			c.ClopperPearson.Low, c.ClopperPearson.High, c.Test.TwoSided} {
			line = append(line, strconv.FormatFloat(v, 'g', -1, 64))
		}
		out.Write(append(line, strconv.Itoa(c.Simulated)))
	}
	out.Flush()
	return out.Error()
}

// percent formats an interval of shares.
func percent(i stats.Interval) string { return fmt.Sprintf("%.1f–%.1f%%", 100*i.Low, 100*i.High) }

// pValue formats a p-value with two digits, small ones as a bound.
func pValue(p float64) string {
	if p < 0.0001 {
		return "< 0.0001"
	}
	return strconv.FormatFloat(p, 'g', 2, 64)
}

// relation is a p value after the letter: "= 0.0031" or "< 0.0001".
func relation(p float64) string {
	if text := pValue(p); text[0] == '<' {
		return text
	}
	return "= " + pValue(p)
}
