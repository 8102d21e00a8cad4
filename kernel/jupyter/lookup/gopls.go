package lookup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/trustsr/trustsr/kernel/jupyter/relay"
)

// Server is a gopls that starts when it is first asked. Until it has read the
// packages it knows nothing.
type Server struct {
	Program func() string             // path of gopls, "" where there is none
	Folder  func() string             // where GoNB builds cells, "" while it is not known
	Start   func(cmd *exec.Cmd) error // starts it so that it ends with this process

	once    sync.Once
	ready   chan struct{} // closed when it can be asked, or cannot be started
	failed  error
	conn    jsonrpc2.Conn
	mu      sync.Mutex // one question at a time
	version int32
}

// errNotReady says that gopls is still starting.
var errNotReady = errors.New("gopls is starting")

// settings are gopls's options: names are completed by their beginning.
var settings = map[string]any{"matcher": "CaseInsensitive", "completionBudget": "1s", "hoverKind": "FullDocumentation", "staticcheck": false, "semanticTokens": false}

// begin starts gopls in the background, once, and reports whether it can be
// asked.
func (s *Server) begin() error {
	program, folder := s.Program(), s.Folder()
	if program == "" || folder == "" {
		return errNotReady
	}
	s.once.Do(func() {
		s.ready = make(chan struct{})
		go func() {
			defer close(s.ready)
			if s.failed = s.connect(program, folder); s.failed != nil {
				fmt.Fprintln(os.Stderr, "warning: names are not completed:", s.failed)
			}
		}()
	})
	select {
	case <-s.ready:
		return s.failed
	default:
		return errNotReady
	}
}

// pipes joins what a process reads and writes to one stream.
type pipes struct {
	io.Reader
	io.WriteCloser
}

func (s *Server) connect(program, folder string) error {
	cmd := exec.Command(program, "serve")
	cmd.Dir = folder
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.Start(cmd); err != nil {
		return fmt.Errorf("start gopls: %w", err)
	}
	ctx := context.Background()
	s.conn = jsonrpc2.NewConn(jsonrpc2.NewStream(pipes{out, in}))
	s.conn.Go(ctx, func(ctx context.Context, reply jsonrpc2.Replier, request jsonrpc2.Request) error {
		if request.Method() == protocol.MethodWorkspaceConfiguration {
			return reply(ctx, []any{settings}, nil)
		}
		return reply(ctx, nil, nil)
	})
	var result protocol.InitializeResult
	root := uri.File(folder)
	if _, err := s.conn.Call(ctx, protocol.MethodInitialize, &protocol.InitializeParams{
		WorkspaceFolders:      []protocol.WorkspaceFolder{{URI: string(root), Name: "cell"}},
		InitializationOptions: settings,
		Capabilities: protocol.ClientCapabilities{TextDocument: &protocol.TextDocumentClientCapabilities{
			Hover: &protocol.HoverTextDocumentClientCapabilities{ContentFormat: []protocol.MarkupKind{protocol.Markdown}},
		}},
	}, &result); err != nil {
		return fmt.Errorf("gopls: %w", err)
	}
	return s.conn.Notify(ctx, protocol.MethodInitialized, &protocol.InitializedParams{})
}

// show shows gopls a program in the place of GoNB's file; s.mu is held.
func (s *Server) show(ctx context.Context, file uri.URI, text string) error {
	s.version++
	if s.version == 1 {
		return s.conn.Notify(ctx, protocol.MethodTextDocumentDidOpen, &protocol.DidOpenTextDocumentParams{
			TextDocument: protocol.TextDocumentItem{URI: file, LanguageID: protocol.GoLanguage, Version: s.version, Text: text}})
	}
	return s.conn.Notify(ctx, protocol.MethodTextDocumentDidChange, &protocol.DidChangeTextDocumentParams{
		TextDocument:   protocol.VersionedTextDocumentIdentifier{TextDocumentIdentifier: protocol.TextDocumentIdentifier{URI: file}, Version: s.version},
		ContentChanges: []protocol.TextDocumentContentChangeEvent{{Text: text}}})
}

// ask shows gopls a cell and asks about a place in it.
func (s *Server) ask(ctx context.Context, method string, at relay.Lookup, result any) (program, error) {
	if err := s.begin(); err != nil {
		return program{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.Folder(), "main.go")
	last, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) { // before the first cell there is none
		return program{}, err
	}
	p := compose(at.Code, string(last))
	file := uri.File(path)
	if err := s.show(ctx, file, p.text); err != nil {
		return p, err
	}
	line, column := p.position(at.Cursor)
	_, err = s.conn.Call(ctx, method, &protocol.TextDocumentPositionParams{TextDocument: protocol.TextDocumentIdentifier{URI: file},
		Position: protocol.Position{Line: uint32(line), Character: uint32(column)}}, result)
	return p, err
}

// maxMatches bounds what is offered.
const maxMatches = 200

// Complete returns the names that may stand at a place.
func (s *Server) Complete(ctx context.Context, at relay.Lookup) (relay.Completion, error) {
	c := relay.Completion{Start: at.Cursor, End: at.Cursor}
	var list protocol.CompletionList
	p, err := s.ask(ctx, protocol.MethodTextDocumentCompletion, at, &list)
	if err != nil {
		return c, err
	}
	for _, item := range list.Items {
		if item.TextEdit == nil || len(c.Matches) == maxMatches {
			continue
		}
		start, ok1 := p.cursor(int(item.TextEdit.Range.Start.Line), int(item.TextEdit.Range.Start.Character))
		end, ok2 := p.cursor(int(item.TextEdit.Range.End.Line), int(item.TextEdit.Range.End.Character))
		if !ok1 || !ok2 || len(c.Matches) > 0 && (start != c.Start || end != c.End) {
			continue // Jupyter replaces one range
		}
		c.Start, c.End = start, end
		c.Matches = append(c.Matches, item.TextEdit.NewText)
	}
	return c, nil
}

// Inspect returns what is known of the name at a place, in Markdown.
func (s *Server) Inspect(ctx context.Context, at relay.Lookup) (string, error) {
	var hover *protocol.Hover
	if _, err := s.ask(ctx, protocol.MethodTextDocumentHover, at, &hover); err != nil || hover == nil {
		return "", err
	}
	return hover.Contents.Value, nil
}
