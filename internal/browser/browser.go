// Package browser drives a headless Chromium in tests, through the pipe of its
// DevTools protocol: no port, no further program.
package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Page is one page of a browser that ends with its test.
type Page struct {
	t       *testing.T
	ctx     context.Context
	to      io.Writer
	from    *bufio.Reader
	session string
	id      int
}

// Open starts a browser with a page at url. It skips the test where Chromium is
// not installed.
func Open(t *testing.T, url string) *Page {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "wsdump-browser-*")
	if err != nil {
		t.Fatal(err)
	}
	browser := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1300,800",
		"--user-data-dir="+folder, "--remote-debugging-pipe", "about:blank")
	browser.ExtraFiles = []*os.File{inRead, outWrite} // file descriptors 3 and 4
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = inRead.Close(), outWrite.Close()
	p := &Page{t: t, ctx: ctx, to: inWrite, from: bufio.NewReader(outRead)}
	t.Cleanup(func() {
		p.session = ""
		if p.call("Browser.close", struct{}{}, nil) != nil {
			cancel()
		}
		_ = browser.Wait() // it may have been killed
		cancel()
		_, _ = inWrite.Close(), outRead.Close()
		// Its helpers end a little later, and write into the folder until then.
		for range 100 {
			if err = os.RemoveAll(folder); err == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Logf("a folder is left: %v", err)
	})
	var target struct{ TargetID string }
	p.Call("Target.createTarget", map[string]any{"url": url}, &target)
	var attached struct{ SessionID string }
	p.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	return p
}

// Call calls a method of the protocol and reads its result. Events are left out.
func (p *Page) Call(method string, params, result any) {
	p.t.Helper()
	if err := p.call(method, params, result); err != nil {
		p.t.Fatalf("%s: %v", method, err)
	}
}

func (p *Page) call(method string, params, result any) error {
	p.id++
	request, err := json.Marshal(struct {
		ID      int    `json:"id"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
		Session string `json:"sessionId,omitempty"`
	}{p.id, method, params, p.session})
	if err != nil {
		return err
	}
	if _, err := p.to.Write(append(request, 0)); err != nil {
		return err
	}
	for {
		text, err := p.from.ReadBytes(0)
		if err != nil {
			return errors.Join(err, p.ctx.Err())
		}
		var reply struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(text[:len(text)-1], &reply); err != nil {
			return err
		}
		switch {
		case reply.ID != p.id:
			continue
		case reply.Error != nil:
			return errors.New(reply.Error.Message)
		case result == nil:
			return nil
		}
		return json.Unmarshal(reply.Result, result)
	}
}

// Eval evaluates JavaScript, waits for it if it is a promise, and returns its
// value as text.
func (p *Page) Eval(script string) string {
	p.t.Helper()
	var answer struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	p.Call("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &answer)
	if wrong := answer.ExceptionDetails; wrong != nil {
		p.t.Fatalf("%s: %s %s", script, wrong.Text, wrong.Exception.Description)
	}
	return fmt.Sprint(answer.Result.Value)
}

// Until evaluates a condition in JavaScript until it holds.
func (p *Page) Until(condition string) {
	p.t.Helper()
	for p.Eval("!!("+condition+")") != "true" {
		if p.ctx.Err() != nil {
			p.t.Fatalf("never: %s", condition)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Screenshot writes a picture of the page, PNG.
func (p *Page) Screenshot(file string) {
	p.t.Helper()
	var shot struct{ Data []byte }
	p.Call("Page.captureScreenshot", map[string]any{}, &shot)
	if err := os.WriteFile(file, shot.Data, 0o600); err != nil {
		p.t.Fatal(err)
	}
}
