package engine

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trustsr/trustsr/kernel/wire"
)

// The plane, the slider and the variety of real samples, and how long a pick
// takes to move the star.
func TestVarietyOfDigits(t *testing.T) {
	if testing.Short() {
		t.Skip("draws with the real model")
	}
	l := startEngine(t, Real())
	name := l.mustAsk(t, wire.Request{Op: wire.OpDraw, Source: digitSource(18), Draw: &wire.Draw{N: 20, Model: wire.Model{Steps: 10}}}).Space.Name
	start := time.Now()
	l.mustAsk(t, wire.Request{Op: wire.OpPicks, Space: name, Picks: "five", Cap: 5})
	f := l.mustAsk(t, wire.Request{Op: wire.OpLinkedPlane, Space: name, Picks: "five"}).Figure
	t.Logf("everything scored in %v", time.Since(start).Round(time.Millisecond))
	start = time.Now()
	status, body := l.http(t, http.MethodGet, "/plane/"+name+"/data?name=five", "")
	t.Logf("data of the page, %d bytes, in %v", len(body), time.Since(start).Round(time.Millisecond))
	if status != 200 {
		t.Fatalf("data: %d %.200s", status, body)
	}
	for _, seed := range []string{"3", "7", "11", "12"} {
		l.http(t, http.MethodPost, "/gallery/"+name+"/picks?name=five", `{"action":"pick","seed":"`+seed+`"}`)
		start = time.Now()
		if status, body := l.http(t, http.MethodGet, "/plane/"+name+"/star?name=five", ""); status != 200 {
			t.Fatalf("star: %d %s", status, body)
		}
		t.Logf("star in %v", time.Since(start).Round(time.Millisecond))
	}
	figures := map[string]*wire.Figure{"linkedplane": f}
	for _, req := range []wire.Request{
		{Op: wire.OpSlider}, {Op: wire.OpDisagreement}, {Op: wire.OpDirections, K: 3}, {Op: wire.OpClusters, K: 4}, {Op: wire.OpDiverse, K: 8},
	} {
		req.Space, req.Picks = name, "five"
		figures[req.Op] = l.mustAsk(t, req).Figure
	}
	if dir := os.Getenv(envScreenshots); dir != "" {
		for op, f := range figures {
			os.WriteFile(filepath.Join(dir, "real-"+op+".png"), f.PNG, 0o644)
		}
	}
}
