package main

import (
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/trustsr/trustsr/kernel/jupyter/cellwire"
)

func init() {
	// as GoNB's own end of the pipes does
	gob.Register(map[string]any{})
	gob.Register([]any{})
}

// displayPipes is a pair of named pipes through which a program shows
// pictures and markup: package protocol's values, gob encoded.
type displayPipes struct {
	there, back string   // paths: from the program, and to it
	hold        *os.File // keeps "there" from ending before the program opens it
	read        *os.File
	write       *os.File
	mu          sync.Mutex // of encoder
	encoder     *gob.Encoder
	ended       chan struct{}

	queue *queue
	input *input
	comms *comms // nil for package lab's own pair
	where *int   // set by package lab
}

func (p *displayPipes) open(dir, name string) error {
	p.there, p.back = filepath.Join(dir, name), filepath.Join(dir, name+"_back")
	for _, path := range []string{p.there, p.back} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			return fmt.Errorf("make a pipe: %w", err)
		}
	}
	var err error
	if p.read, err = os.OpenFile(p.there, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
		return err
	}
	if p.hold, err = os.OpenFile(p.there, os.O_WRONLY, 0); err != nil {
		return err
	}
	// both ways, so that it opens before the program opens it
	if p.write, err = os.OpenFile(p.back, os.O_RDWR, 0); err != nil {
		return err
	}
	p.encoder = gob.NewEncoder(p.write)
	p.ended = make(chan struct{})
	go p.serve()
	return nil
}

// serve takes what the program sends until nobody has the pipe open.
func (p *displayPipes) serve() {
	defer close(p.ended)
	decoder := gob.NewDecoder(p.read)
	for {
		var d protocol.DisplayData
		if err := decoder.Decode(&d); err != nil {
			if err != io.EOF {
				fmt.Fprintln(os.Stderr, "error: a display of this cell is not understood:", err)
				io.Copy(io.Discard, p.read) // the program does not wait for ever
			}
			return
		}
		p.handle(&d)
	}
}

func (p *displayPipes) handle(d *protocol.DisplayData) {
	if ask, ok := d.Data[protocol.MIMEJupyterInput].(protocol.InputRequest); ok {
		p.input.ask(cellwire.Ask{Prompt: ask.Prompt, Password: ask.Password}, true)
		return
	}
	if value, ok := d.Data[protocol.MIMECommValue].(protocol.CommValue); ok {
		switch value.Address {
		case protocol.GonbuiSyncAddress:
			p.queue.flush()
			p.send(&protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: value.Value})
		case cellwire.AddressWhere:
			if line, ok := value.Value.(int); ok && p.where != nil {
				*p.where = line // read when the pipe has ended
			}
		default:
			p.comms.send(d)
		}
		return
	}
	if _, ok := d.Data[protocol.MIMECommSubscribe]; ok {
		p.comms.send(d)
		return
	}
	data, err := json.Marshal(d.Data)
	metadata, err2 := json.Marshal(d.Metadata)
	if err != nil || err2 != nil {
		fmt.Fprintln(os.Stderr, "error: a display of this cell cannot be shown:", err, err2)
		return
	}
	if d.Metadata == nil {
		metadata = []byte("{}")
	}
	p.queue.show(&cellwire.Display{ID: d.DisplayID, Data: data, Metadata: metadata})
}

// send sends a value to the program.
func (p *displayPipes) send(v *protocol.CommValue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.encoder.Encode(v) // a program that is gone reads nothing
}

// close waits until all is read that the program has sent; what it started may
// hold the pipe open a little longer.
func (p *displayPipes) close() {
	p.hold.Close()
	select {
	case <-p.ended:
	case <-time.After(time.Second):
	}
}

// comms passes widgets' values on to GoNB and back, over the pipes that it
// made for this program.
type comms struct {
	there, back string
	once        sync.Once
	mu          sync.Mutex
	encoder     *gob.Encoder
	program     *displayPipes
}

func (c *comms) send(d *protocol.DisplayData) {
	if c == nil {
		return
	}
	c.once.Do(func() {
		// GoNB opens its ends when it starts the program
		there, err := os.OpenFile(c.there, os.O_WRONLY, 0)
		if err == nil {
			var back *os.File
			if back, err = os.OpenFile(c.back, os.O_RDONLY, 0); err == nil {
				c.encoder = gob.NewEncoder(there)
				go func() {
					decoder := gob.NewDecoder(back)
					for {
						var v protocol.CommValue
						if decoder.Decode(&v) != nil {
							return
						}
						c.program.send(&v)
					}
				}()
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "error: widgets do not work in this cell:", err)
		}
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.encoder != nil {
		c.encoder.Encode(d) // GoNB that is gone takes this process with it
	}
}
