package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"path"
	"sync"
)

//go:embed page/*.html page/*.css page/*.js page/*.svg
var files embed.FS

// kinds are the files that browsers ask for.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

var scripts sync.Map // script by name, bundled

// File returns a file of the pages and its content type. A script comes with
// all the modules that it imports. Errors wrap fs.ErrNotExist where there is no
// such file.
func File(name string) (data []byte, kind string, err error) {
	kind = kinds[path.Ext(name)]
	if path.Ext(name) != ".js" {
		data, err = files.ReadFile("page/" + name)
		return data, kind, err
	}
	if kept, ok := scripts.Load(name); ok {
		return kept.([]byte), kind, nil
	}
	data, err = bundle(func(name string) ([]byte, error) { return files.ReadFile("page/" + name) }, name)
	if err == nil {
		scripts.Store(name, data)
	}
	return data, kind, err
}

// ServeFile answers with a file of the pages.
func ServeFile(w http.ResponseWriter, r *http.Request, name string) {
	data, kind, err := File(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Write(data)
}

// Page is a page of a space: "gallery", "plane" or "compare".
type Page struct {
	Space, Name string // the space, and the list of picks
	Token       string // of the server, for style and script
	Query       string // of the page's address, for the script's requests

	// Of a page that is a file of its own.
	Policy string
	Data   template.JS
	Style  template.CSS
	Script template.JS
}

var templates = template.Must(template.ParseFS(files, "page/gallery.html", "page/plane.html", "page/compare.html"))

// Write writes the HTML of a page that asks its server for what it shows.
func Write(w io.Writer, page string, p Page) error {
	return templates.ExecuteTemplate(w, page+".html", p)
}

// Own returns a page as a file of its own, with style, script and data, which
// is marshalled as JSON, in it. The page's policy lets it load nothing and run
// nothing but that script.
func Own(page, space, list string, data any) ([]byte, error) {
	encoded, err := json.Marshal(data) // <, > and & are escaped
	if err != nil {
		return nil, err
	}
	var style []byte
	for _, name := range []string{"theme.css", page + ".css"} {
		part, _, err := File(name)
		if err != nil {
			return nil, err
		}
		style = append(style, part...)
	}
	script, _, err := File(page + ".js")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = Write(&out, page, Page{
		Space: space, Name: list,
		Policy: fmt.Sprintf("default-src 'none'; img-src data:; style-src '%s'; script-src '%s'", contentHash(style), contentHash(script)),
		Data:   template.JS(encoded), Style: template.CSS(style), Script: template.JS(script),
	})
	return out.Bytes(), err
}

// contentHash names inline content in a content security policy.
func contentHash(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
