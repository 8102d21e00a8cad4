package srspace_test

import (
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/srspace"
)

func TestPartsCoverAll(t *testing.T) {
	for n := range 40 {
		for of := 1; of <= 17; of++ {
			next := 0
			for i := 1; i <= of; i++ {
				from, to := srspace.Part{Index: i, Of: of}.Range(n)
				if from != next || to < from || to-from > n/of+1 {
					t.Fatalf("part %d/%d of %d samples is %d…%d", i, of, n, from, to)
				}
				next = to
			}
			if next != n {
				t.Fatalf("%d parts of %d samples end at %d", of, n, next)
			}
		}
	}
}

func TestParsePart(t *testing.T) {
	slurm := map[string]string{"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_COUNT": "4"}
	job := map[string]string{"JOB_COMPLETION_INDEX": "0"}
	for _, c := range []struct {
		text string
		env  map[string]string
		want srspace.Part // zero for an error
	}{
		{"3/16", nil, srspace.Part{Index: 3, Of: 16}},
		{"1/1", nil, srspace.Whole},
		{"auto", slurm, srspace.Part{Index: 3, Of: 4}},
		{"auto", map[string]string{"SLURM_ARRAY_TASK_ID": "20", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_STEP": "10"}, srspace.Part{Index: 3, Of: 4}},
		{"auto", map[string]string{"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_STEP": "0"}, srspace.Part{}},
		{"auto/9", slurm, srspace.Part{Index: 3, Of: 9}},
		{"auto/8", job, srspace.Part{Index: 1, Of: 8}},
		{"auto", job, srspace.Part{}}, // Kubernetes does not tell of how many
		{"auto", nil, srspace.Part{}},
		{"auto", map[string]string{"SLURM_ARRAY_TASK_ID": "x"}, srspace.Part{}},
		{"0/3", nil, srspace.Part{}}, {"4/3", nil, srspace.Part{}}, {"3", nil, srspace.Part{}}, {"a/b", nil, srspace.Part{}}, {"", nil, srspace.Part{}}, {"1/0", nil, srspace.Part{}},
	} {
		got, err := srspace.ParsePart(c.text, func(name string) string { return c.env[name] })
		if (err != nil) != (c.want == srspace.Part{}) || got != c.want {
			t.Errorf("%q with %v: %v, %v", c.text, c.env, got, err)
		}
		if err != nil && hint.Of(err) == "" {
			t.Errorf("%q: no hint", c.text)
		}
	}
}
