// Package message reads and writes Jupyter's messages: frames that are signed
// with the connection's key
// (https://jupyter-client.readthedocs.io/en/stable/messaging.html#the-wire-protocol).
package message

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// Version is the version of the messaging protocol that we speak. From 5.2 on
// cursor positions count characters (code points).
const Version = "5.3"

// Header is the header of a message.
type Header struct {
	ID       string `json:"msg_id"`
	Session  string `json:"session"`
	Username string `json:"username"`
	Date     string `json:"date"`
	Type     string `json:"msg_type"`
	Version  string `json:"version"`
}

// Message is one message of any channel. Parent and Content are JSON objects.
type Message struct {
	Identities [][]byte // who it is from or to, on a ROUTER socket; the topic on iopub
	Header     Header
	RawHeader  json.RawMessage // as it came: it is the parent of answers
	Parent     json.RawMessage
	Metadata   json.RawMessage
	Content    json.RawMessage
	Buffers    [][]byte
}

// ParentID returns the id of the request that a message answers, or "".
func (m *Message) ParentID() string {
	var parent Header
	json.Unmarshal(m.Parent, &parent) // checked by Key.Parse
	return parent.ID
}

// Key signs messages. Without one nothing is signed, as the protocol has it.
type Key []byte

var delimiter = []byte("<IDS|MSG>")

// errNotOurs says that a message is not of this connection.
var errNotOurs = errors.New("message is not signed with the connection's key")

// Parse takes a message apart and checks its signature.
func (k Key) Parse(frames [][]byte) (*Message, error) {
	m := &Message{}
	for len(frames) > 0 && string(frames[0]) != string(delimiter) {
		m.Identities = append(m.Identities, frames[0])
		frames = frames[1:]
	}
	if len(frames) < 6 {
		return nil, errors.New("message has too few frames")
	}
	if !hmac.Equal([]byte(k.sign(frames[2:6])), frames[1]) {
		return nil, errNotOurs
	}
	m.RawHeader, m.Parent, m.Metadata, m.Content, m.Buffers = frames[2], frames[3], frames[4], frames[5], frames[6:]
	if err := json.Unmarshal(m.RawHeader, &m.Header); err != nil {
		return nil, fmt.Errorf("message header: %w", err)
	}
	for _, part := range [][]byte{m.Parent, m.Metadata, m.Content} {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(part, &object); err != nil {
			return nil, fmt.Errorf("message %s: %w", m.Header.Type, err)
		}
	}
	return m, nil
}

// Frames returns a message ready to send.
func (k Key) Frames(m *Message) [][]byte {
	parts := [][]byte{m.RawHeader, orObject(m.Parent), orObject(m.Metadata), orObject(m.Content)}
	frames := append(append([][]byte{}, m.Identities...), delimiter, []byte(k.sign(parts)))
	return append(append(frames, parts...), m.Buffers...)
}

func orObject(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return []byte("{}")
	}
	return raw
}

func (k Key) sign(parts [][]byte) string {
	if len(k) == 0 {
		return ""
	}
	h := hmac.New(sha256.New, k)
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// New makes a message of session whose content is the JSON of content; parent
// is the raw header of the request that it answers, or nil.
func New(session, kind string, parent json.RawMessage, content any) (*Message, error) {
	m := &Message{Parent: parent, Header: Header{ID: NewID(), Session: session, Username: "trustsr",
		Date: time.Now().UTC().Format(time.RFC3339Nano), Type: kind, Version: Version}}
	var err error
	if m.RawHeader, err = json.Marshal(m.Header); err != nil {
		return nil, err
	}
	if m.Content, err = json.Marshal(content); err != nil {
		return nil, fmt.Errorf("content of %s: %w", kind, err)
	}
	return m, nil
}

// NewID returns 128 random bits in hexadecimal.
func NewID() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// Connection is what a connection file says: where a kernel listens.
type Connection struct {
	Transport string `json:"transport"`
	IP        string `json:"ip"`
	Key       string `json:"key"`
	Scheme    string `json:"signature_scheme"`
	Kernel    string `json:"kernel_name"`
	Shell     int    `json:"shell_port"`
	IOPub     int    `json:"iopub_port"`
	Stdin     int    `json:"stdin_port"`
	Control   int    `json:"control_port"`
	Heartbeat int    `json:"hb_port"`
}

// maxConnection bounds a connection file.
const maxConnection = 64 << 10

// ReadConnection reads a connection file.
func ReadConnection(path string) (c Connection, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return c, fmt.Errorf("connection file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxConnection {
		return c, fmt.Errorf("connection file %s: not a file, or larger than %d kB", path, maxConnection>>10)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("connection file: %w", err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("connection file %s: %w", path, err)
	}
	if c.Key != "" && c.Scheme != "" && c.Scheme != "hmac-sha256" {
		return c, fmt.Errorf("connection file %s: signatures of the scheme %q, not hmac-sha256", path, c.Scheme)
	}
	return c, nil
}

// Write writes a connection file that only this user may read: it holds the
// key.
func (c Connection) Write(path string) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// Address is the address of one of the connection's ports.
func (c Connection) Address(port int) string {
	if c.Transport == "ipc" {
		return fmt.Sprintf("ipc://%s-%d", c.IP, port)
	}
	return fmt.Sprintf("tcp://%s:%d", c.IP, port)
}
