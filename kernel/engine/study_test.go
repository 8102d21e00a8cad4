package engine

import (
	"bytes"
	"fmt"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trustsr/trustsr/internal/hint"
	"github.com/trustsr/trustsr/kernel/wire"
)

// A study from a cell goes on, at the same address and with the same browser,
// when the kernel was killed and the cell is run again; a second kernel is
// refused meanwhile; a room's network gets addresses and a code.
func TestStudyFromACell(t *testing.T) {
	dir := t.TempDir()
	space := filepath.Join(dir, "space")
	if err := os.MkdirAll(space, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := stroke(uint64(i), true).WritePNG(filepath.Join(space, fmt.Sprintf("%06d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "class.yaml")
	text := "title: t\nconsent: c\ninstructions: i\nprotocol: task1\nseed: 1\ntrials: [{name: a, space: space, samples: 10}]\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	first := startProcess(t, 0)
	ask := func(listen string) (participants []string, answer *wire.Result) {
		t.Helper()
		answer = first.mustAsk(t, wire.Request{Op: wire.OpStudy, Study: &wire.Study{File: path, Listen: listen}})
		for _, row := range answer.Tables[0].Rows {
			if strings.HasPrefix(row[0], "participants") {
				participants = append(participants, row[1])
			}
		}
		return participants, answer
	}
	before, answer := ask("")
	if len(before) != 1 || !strings.HasPrefix(before[0], "http://127.0.0.1:") || answer.Figure != nil {
		t.Fatalf("on this computer alone: %v, a picture: %v", before, answer.Figure != nil)
	}
	address, err := url.Parse(before[0])
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	post := func(path, body string) int {
		t.Helper()
		resp, err := browser.Post("http://"+address.Host+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for _, click := range [][2]string{
		{"/api/join", fmt.Sprintf(`{"room": %q, "pixel_ratio": 1}`, address.Query().Get("room"))},
		{"/api/click", `{"op": "agree", "step": 0}`}, {"/api/click", `{"op": "start", "step": 1}`}, {"/api/click", `{"op": "drawn", "step": 2}`}, {"/api/click", `{"op": "pick", "step": 2, "position": 4}`},
	} {
		for sheet := 0; strings.Contains(click[1], "drawn"); sheet++ { // the pictures come first
			resp, err := browser.Get(fmt.Sprintf("http://%s/sheet/2/%d.png", address.Host, sheet))
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, resp.Body) // what does not arrive is not delivered
			resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != http.StatusOK {
				break
			}
		}
		if status := post(click[0], click[1]); status != http.StatusOK {
			t.Fatalf("%s: %d", click[1], status)
		}
	}

	second := startEngine(t, fakeTools(0))
	if _, _, err := second.ask(wire.Request{Op: wire.OpStudy, Study: &wire.Study{File: path}}); err == nil || !strings.Contains(err.Error(), "another process serves this store") || hint.Of(err) == "" {
		t.Errorf("a second kernel: %v", err)
	}
	first.kill()
	first.start()
	if after, _ := ask(""); len(after) != 1 || after[0] != before[0] {
		t.Fatalf("after the kernel was killed participants are sent to %v, before to %v", after, before)
	}
	if status := post("/api/click", `{"op": "pick", "step": 2, "position": 5}`); status != http.StatusOK {
		t.Errorf("the open page's next pick: %d", status)
	}

	room, answer := ask("0.0.0.0")
	if again, _ := ask("0.0.0.0"); fmt.Sprint(again) != fmt.Sprint(room) {
		t.Errorf("asked twice: %v, then %v", room, again)
	}
	if status := post("/api/click", `{"op": "reading", "step": 2, "value": "5"}`); status != http.StatusOK {
		t.Errorf("on this computer, served to the room: %d", status)
	}
	if _, _, err := first.ask(wire.Request{Op: wire.OpStudy, Study: &wire.Study{File: path, Listen: "203.0.113.7"}}); err == nil || hint.Of(err) == "" {
		t.Errorf("an address of no computer here: %v", err)
	}
	if status := post("/api/click", `{"op": "submit", "step": 2}`); status != http.StatusOK {
		t.Errorf("after an address that cannot be: %d", status)
	}
	if len(room) == 1 {
		t.Skip("this computer has no network: codes are not looked at")
	}
	if answer.Figure == nil || answer.Figure.Caption != room[0] {
		t.Fatalf("for a room: %v, a picture: %v", room, answer.Figure != nil)
	}
	if _, err := png.Decode(bytes.NewReader(answer.Figure.PNG)); err != nil {
		t.Error("the code:", err)
	}
	at, err := url.Parse(room[0])
	if err != nil {
		t.Fatal(err)
	}
	if ip := net.ParseIP(at.Hostname()); ip == nil || ip.IsLoopback() || at.Port() != address.Port() {
		t.Errorf("for a room: %s", room[0])
	}
	resp, err := http.Get(room[0])
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the room's address: %v, %v", resp, err)
	}
	resp.Body.Close()
}
