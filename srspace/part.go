package srspace

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/trustsr/trustsr/internal/hint"
)

// Part is one of the parts that the samples of a space are shared out in, to
// be drawn on different machines: Index of Of, counted from 1.
type Part struct{ Index, Of int }

// Whole is the only part of one.
var Whole = Part{1, 1}

// Range returns the part's samples of n, from … to-1 counted from 0. Parts
// are contiguous, differ by one sample at most, and cover all.
func (p Part) Range(n int) (from, to int) {
	return n/p.Of*(p.Index-1) + min(p.Index-1, n%p.Of), n/p.Of*p.Index + min(p.Index, n%p.Of)
}

func (p Part) String() string { return fmt.Sprintf("%d/%d", p.Index, p.Of) }

func (p Part) check() error {
	if p.Of < 1 || p.Index < 1 || p.Index > p.Of {
		return hint.With(fmt.Errorf("part %v does not exist", p), "parts run from 1/N to N/N")
	}
	return nil
}

// ParsePart reads "3/16". "auto" takes both numbers from a Slurm array job,
// and "auto/16" the first from Slurm or an indexed Kubernetes job, through
// getenv, e.g. os.Getenv.
func ParsePart(s string, getenv func(string) string) (Part, error) {
	const advice = "write 3/16 for the third of sixteen; auto in a Slurm array job; auto/16 in an indexed Kubernetes job of 16 completions"
	fail := func(format string, args ...any) (Part, error) {
		return Part{}, hint.With(fmt.Errorf("part %.50q: "+format, append([]any{s}, args...)...), advice)
	}
	index, of, hasOf := strings.Cut(s, "/")
	var p Part
	if index == "auto" {
		var err error
		task, job := getenv("SLURM_ARRAY_TASK_ID"), getenv("JOB_COMPLETION_INDEX")
		switch {
		case task != "":
			first := 0
			if low := getenv("SLURM_ARRAY_TASK_MIN"); low != "" {
				if first, err = strconv.Atoi(low); err != nil {
					return fail("SLURM_ARRAY_TASK_MIN is %.50q", low)
				}
			}
			step := 1
			if by := getenv("SLURM_ARRAY_TASK_STEP"); by != "" {
				if step, err = strconv.Atoi(by); err != nil || step < 1 {
					return fail("SLURM_ARRAY_TASK_STEP is %.50q", by)
				}
			}
			if p.Index, err = strconv.Atoi(task); err != nil {
				return fail("SLURM_ARRAY_TASK_ID is %.50q", task)
			}
			p.Index = (p.Index-first)/step + 1
			if !hasOf {
				of, hasOf = getenv("SLURM_ARRAY_TASK_COUNT"), true
			}
		case job != "":
			if p.Index, err = strconv.Atoi(job); err != nil {
				return fail("JOB_COMPLETION_INDEX is %.50q", job)
			}
			p.Index++
		default:
			return fail("neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set")
		}
	} else {
		var err error
		if p.Index, err = strconv.Atoi(index); err != nil {
			return fail("%.50q is no number", index)
		}
	}
	if !hasOf {
		return fail("it does not say of how many")
	}
	var err error
	if p.Of, err = strconv.Atoi(of); err != nil {
		return fail("%.50q is no number of parts", of)
	}
	if err := p.check(); err != nil {
		return fail("there is no %v", p)
	}
	return p, nil
}
