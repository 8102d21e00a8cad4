// Package accessibility looks, for browser tests, for what keeps people out of
// a page: with axe-core, the rules of WCAG 2.1 A and AA and axe's best
// practice.
package accessibility

import (
	"context"
	"fmt"
	"os"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Env names the file axe.min.js of npm's axe-core; where it is unset, nothing
// is looked for.
const Env = "TRUSTSR_AXE"

// Violations, inside a chromedp action, runs axe-core on its page and returns what
// it finds, a line for each rule that is broken, or "". A page on which fewer
// than ten rules apply counts as broken: it was not there.
func Violations(ctx context.Context) (found string, err error) {
	path := os.Getenv(Env)
	if path == "" {
		return "", nil
	}
	script, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("accessibility: %w", err)
	}
	err = chromedp.Tasks{chromedp.Evaluate(string(script)+";1", nil),
		chromedp.Evaluate(`axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"] }).then((r) => r.passes.length < 10 ? "no rules" :
			r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(" | ")).join("\n"))`, &found,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
	}.Do(ctx)
	return found, err
}
