package weightstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// ErrOffline is what errors wrap where there is no network, or none is
// wanted.
var ErrOffline = errors.New("no network")

// ErrSum is what errors about files wrap whose bytes are not the published
// ones.
var ErrSum = errors.New("check sum does not match")

// Progress is told how many bytes of how many are there; total is -1 where
// the server does not say.
type Progress func(done, total int64)

// client has no time limit on a whole download, but on what a server that
// does not answer would hang.
var client = &http.Client{Transport: &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
	TLSHandshakeTimeout:   15 * time.Second,
	ResponseHeaderTimeout: 60 * time.Second,
}}

// get asks for a URL; more sets headers. Answers other than 200 and 206 are
// errors.
func get(ctx context.Context, address string, more http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	for name, values := range more {
		req.Header[name] = values
	}
	resp, err := client.Do(req)
	if err != nil {
		var dns *net.DNSError
		var op *net.OpError
		if ctx.Err() == nil && (errors.As(err, &dns) || errors.As(err, &op)) {
			return nil, fmt.Errorf("%w: %s: %w", ErrOffline, host(address), errors.Unwrap(err))
		}
		return nil, err
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent {
		resp.Body.Close()
		return nil, statusError{host(address), resp.StatusCode}
	}
	return resp, nil
}

// statusError is a server's refusal.
type statusError struct {
	host string
	code int
}

func (e statusError) Error() string {
	return fmt.Sprintf("%s answers %d %s", e.host, e.code, http.StatusText(e.code))
}

func host(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Host
	}
	return address
}

// A Download is one file and where it goes.
type Download struct {
	URL    string
	Path   string
	Header http.Header

	Size  int64            // bytes, 0 if not known
	First bool             // only the first Size bytes of a longer file are wanted
	Hash  func() hash.Hash // of what is downloaded, nil for none
	Sum   string           // hexadecimal, or its first digits
}

// stall is how long a server may send nothing before the connection is given
// up.
const stall = time.Minute

var errStalled = errors.New("the server stopped sending")

// Fetch downloads the file. What an interrupted download left beside Path
// (.part) is gone on with, and so is a connection that breaks, as long as each
// brings something. The file appears at Path whole and checked, or not at all:
// a sum that does not match is an error that wraps [ErrSum].
func (d Download) Fetch(ctx context.Context, progress Progress) error {
	if err := os.MkdirAll(filepath.Dir(d.Path), 0o755); err != nil {
		return err
	}
	part := d.Path + ".part"
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = d.fillAndCheck(ctx, f, progress)
	if errors.Is(err, ErrSum) && info.Size() > 0 { // what lay there was of something else
		err = d.fillAndCheck(ctx, f, progress)
	}
	if err != nil {
		if errors.Is(err, ErrSum) {
			os.Remove(part)
		}
		return fmt.Errorf("download %s: %w", d.URL, err)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(part, d.Path)
}

// fillAndCheck goes on as long as connections bring something, and empties
// what does not match the check sum.
func (d Download) fillAndCheck(ctx context.Context, f *os.File, progress Progress) error {
	for have := int64(0); ; {
		err := d.fill(ctx, f, progress)
		if err == nil {
			break
		}
		info, statErr := f.Stat()
		if ctx.Err() != nil || statErr != nil || info.Size() <= have {
			return err
		}
		have = info.Size()
	}
	err := d.check(f)
	if errors.Is(err, ErrSum) {
		return errors.Join(err, f.Truncate(0))
	}
	return err
}

// fill appends to f what is missing.
func (d Download) fill(ctx context.Context, f *os.File, progress Progress) error {
	have, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if d.Size > 0 && have > d.Size {
		have = 0
		if err := f.Truncate(0); err != nil {
			return err
		}
	}
	if d.Size > 0 && have == d.Size {
		return nil
	}
	header := d.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	switch {
	case d.First:
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", have, d.Size-1))
	case have > 0:
		header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, err := get(ctx, d.URL, header)
	if err != nil {
		var status statusError
		if errors.As(err, &status) && status.code == http.StatusRequestedRangeNotSatisfiable && have > 0 && d.Size == 0 {
			return nil // all of it is there; the check sum tells
		}
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent { // the server sends all of it
		have = 0
		if err := f.Truncate(0); err != nil {
			return err
		}
	}
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return err
	}
	total := int64(-1)
	if resp.ContentLength >= 0 {
		total = have + resp.ContentLength
	}
	body := io.Reader(resp.Body)
	if d.First {
		total = d.Size
		body = io.LimitReader(body, d.Size-have) // of a server that sends more than was asked for
	}
	if d.Size > 0 && total > d.Size {
		return fmt.Errorf("%d bytes where %d are published", total, d.Size)
	}
	watch := time.AfterFunc(stall, func() { cancel(errStalled) })
	defer watch.Stop()
	n, err := io.Copy(&counter{w: f, done: have, total: total, progress: func(done, total int64) {
		watch.Reset(stall)
		if progress != nil {
			progress(done, total)
		}
	}}, body)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	if err == nil && d.Size > 0 && have+n < d.Size {
		return io.ErrUnexpectedEOF
	}
	return err
}

// counter tells of what is written through it.
type counter struct {
	w           io.Writer
	done, total int64
	progress    Progress
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.done += int64(n)
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
	return n, err
}

// check compares the file with its published sum.
func (d Download) check(f *os.File) error {
	if d.Hash == nil {
		return nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := d.Hash()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); len(d.Sum) > len(got) || got[:len(d.Sum)] != d.Sum {
		return fmt.Errorf("%w: %s, published %s", ErrSum, got, d.Sum)
	}
	return nil
}

// fetchRange returns n bytes of a file from an offset.
func fetchRange(ctx context.Context, address string, header http.Header, offset, n int64, progress Progress) ([]byte, error) {
	ranged := header.Clone()
	if ranged == nil {
		ranged = http.Header{}
	}
	ranged.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+n-1))
	resp, err := get(ctx, address, ranged)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent {
		return nil, fmt.Errorf("%s does not send parts of files", host(address))
	}
	data := make([]byte, n)
	read := int64(0)
	for read < n {
		k, err := resp.Body.Read(data[read:])
		read += int64(k)
		if progress != nil {
			progress(read, n)
		}
		if err != nil && read < n {
			return nil, fmt.Errorf("bytes %s to %s: %w", strconv.FormatInt(offset, 10), strconv.FormatInt(offset+n-1, 10), err)
		}
	}
	return data, nil
}
