package jupyter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/trustsr/trustsr/internal/hint"
)

// UpOptions say how to start Jupyter.
type UpOptions struct {
	Root      string // project root
	NoBrowser bool   // print the address only
	Lab       bool   // start JupyterLab, and install it if it is missing
	Port      int    // 0 takes a free one
	IP        string // "" is 127.0.0.1
	Token     string // of Jupyter; "" is $JUPYTER_TOKEN, or random
	BaseURL   string // path that Jupyter is below, such as /x/; "" is /
	PagesPort int    // where the pages of all notebooks are; 0 has one for each
	PublicURL string // where browsers reach the pages through a proxy; "" is $TRUSTSR_PUBLIC_URL
	Progress  io.Writer
}

// Up sets the kernel up, finds or installs Jupyter, starts it in the
// notebooks folder, prints the quickstart's address and waits until Jupyter
// or ctx ends; then nothing is left running.
func Up(ctx context.Context, o UpOptions) error {
	if o.IP == "" {
		o.IP = "127.0.0.1"
	}
	if o.Token == "" {
		o.Token = os.Getenv(envJupyterToken)
	}
	if o.Token == "" {
		o.Token = randomToken()
	}
	if o.PublicURL == "" {
		o.PublicURL = os.Getenv(envPublicURL)
	}
	base, err := basePath(o.BaseURL)
	if err != nil {
		return err
	}
	public, err := o.pagesURL()
	if err != nil {
		return err
	}
	if err := Setup(ctx, o.Root, o.Progress); err != nil {
		return err
	}
	l := layout{o.Root}
	program, err := findJupyter(ctx, l, o.Lab, o.Progress)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Progress, "starting %s (%s)\n", program, program.Path)
	if o.Port, err = freePort(o.IP, o.Port); err != nil {
		return hint.With(fmt.Errorf("start Jupyter: %w", err), "choose another --port, or none: a free one is taken")
	}
	logPath := l.path("jupyter.log")
	log, err := os.Create(logPath)
	if err != nil {
		return fmt.Errorf("start Jupyter: %w", err)
	}
	defer log.Close()
	pages, err := o.servePages(l, public, log)
	if err != nil {
		return err
	}
	defer pages.close()
	app := "--" + program.server() + "."
	args := []string{"--no-browser", "--ip=" + o.IP, "--port=" + strconv.Itoa(o.Port), "--port-retries=0",
		app + "base_url=" + base, "--notebook-dir=" + filepath.Join(o.Root, "notebooks"),
		"--MultiKernelManager.default_kernel_name=" + KernelName}
	if os.Geteuid() == 0 {
		args = append(args, "--allow-root")
	}
	if pages.host != "" { // a proxy may pass on the name it is called by
		args = append(args, app+"local_hostnames=localhost", app+"local_hostnames="+pages.host)
	}
	cmd := exec.Command(program.Path, args...)
	cmd.Stdout, cmd.Stderr = log, log
	// The token goes through the environment: every account of a machine can
	// read the arguments of every process.
	cmd.Env = append(os.Environ(), envJupyterToken+"="+o.Token, envPublicURL+"="+pages.public, "JUPYTER_PATH="+l.path("jupyter"),
		"JUPYTER_CONFIG_DIR="+l.path("jupyter-config"), "JUPYTER_RUNTIME_DIR="+l.path("jupyter-runtime"), "JUPYTER_DATA_DIR="+l.path("jupyter-data"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start Jupyter: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { stopGroup(cmd.Process.Pid, ended) }()

	server := "http://" + net.JoinHostPort(o.IP, strconv.Itoa(o.Port)) + base
	if err := answers(ctx, server, ended); err != nil {
		tail, _ := os.ReadFile(logPath)
		if len(tail) > 2000 {
			tail = tail[len(tail)-2000:]
		}
		return hint.With(fmt.Errorf("start Jupyter: %w\n%s", err, bytes.TrimSpace(tail)), "the whole log is "+logPath)
	}
	address := server + program.page("quickstart.ipynb") + "?token=" + o.Token
	if pages.door != nil {
		fmt.Fprintf(o.Progress, "The engine's pages are at %s; browsers ask for %s\n", pages.door.Addr(), strings.TrimSuffix(pages.public, "{slot}/"))
	}
	fmt.Fprintf(o.Progress, "Jupyter is up. Ctrl-C stops it. Open:\n\n")
	fmt.Println(address)
	if !o.NoBrowser {
		if err := l.browse(address); err != nil {
			fmt.Fprintln(o.Progress, "no browser is opened:", err)
		}
	}
	// not before: a notebook runs without it
	building, stopBuilding := context.WithCancel(ctx)
	built := make(chan struct{})
	go func() {
		defer close(built)
		if err := l.buildGopls(building, o.Progress); err != nil && building.Err() == nil {
			fmt.Fprintln(o.Progress, "note:", err)
		}
	}()
	defer func() {
		stopBuilding()
		<-built
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(o.Progress, "stopping Jupyter and its kernels …")
		return nil
	case err := <-ended:
		ended <- err
		return hint.With(fmt.Errorf("the Jupyter server ended: %v", err), "its log is "+logPath)
	}
}

// envJupyterToken is how Jupyter takes its token.
const envJupyterToken = "JUPYTER_TOKEN"

// browse opens an address in the user's browser, through a file that only the
// user may read: the address holds the token.
func (l layout) browse(address string) error {
	opener, err := exec.LookPath("xdg-open")
	if err != nil {
		return err
	}
	path := l.path("open.html")
	os.Remove(path) // one that is there may be readable
	page := fmt.Sprintf("<!DOCTYPE html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0; url=%[1]s\"><a href=\"%[1]s\">the notebook</a>\n", html.EscapeString(address))
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		return err
	}
	cmd := exec.Command(opener, path)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait()
	return nil
}

// stopGroup ends Jupyter politely, so that it ends its kernels, and then by
// force.
func stopGroup(pid int, ended chan error) {
	syscall.Kill(pid, syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(8 * time.Second):
	}
	syscall.Kill(-pid, syscall.SIGKILL)
}

// freePort returns port, or a free one for 0, after a try to listen on it:
// another server there would be taken for Jupyter.
func freePort(ip string, port int) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, strconv.Itoa(port)))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// answers waits until the server speaks HTTP.
func answers(ctx context.Context, base string, ended chan error) error {
	client := &http.Client{Timeout: 2 * time.Second}
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		if r, err := client.Get(base + "api"); err == nil {
			r.Body.Close()
			return nil
		}
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("it ended at once: %v", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return errors.New("no answer for a minute")
}
