package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/internal/browser"
	"github.com/wsdump/wsdump/internal/long"
)

// TestChromiumImportsHAR: Chromium's own devtools import what -T har writes, and
// come to the messages that the capture has.
func TestChromiumImportsHAR(t *testing.T) {
	long.Test(t)
	page := browser.Open(t, "devtools://devtools/bundled/devtools_app.html")
	page.Until("document.body && document.body.children.length > 2")
	output := func(args ...string) []byte {
		var out, words bytes.Buffer
		if code := Main(args, strings.NewReader(""), &out, &words); code != 0 {
			t.Fatalf("exit code %d: %s", code, words.String())
		}
		return out.Bytes()
	}
	for _, name := range []string{"chat.pcap", "deflate-browser.pcap", "tls-chromium-h2.pcap", "closes.pcap", "refused-401-retry.pcap", "fragments.pcap"} {
		t.Run(name, func(t *testing.T) {
			keys := []string{}
			if strings.HasPrefix(name, "tls") {
				keys = []string{"-k", pcaps + strings.TrimSuffix(name, ".pcap") + ".keys"}
			}
			har, err := json.Marshal(string(output(append(keys, "-T", "har", "--no-redact", pcaps+name)...)))
			if err != nil {
				t.Fatal(err)
			}
			got := page.Eval(`(async () => {
				const har = await import("devtools://devtools/bundled/models/har/har.js");
				const requests = har.Importer.Importer.requestsFromHARLog(new har.HARFormat.HARRoot(JSON.parse(` + string(har) + `)).log);
				return requests.flatMap(r => [r.url() + " " + r.statusCode].concat(r.frames().map(f => f.type + " " + f.opCode + " " + f.text))).join("\n");
			})()`)
			if want := asDevtools(t, output(append(keys, "-T", "ndjson", pcaps+name)...)); got != want {
				t.Errorf("devtools have\n%s\nthe capture has\n%s", got, want)
			}
		})
	}
}

// TestDevtoolsShowHAR leaves a picture of the Messages tab with WSDUMP_SHOTS, and
// holds that the tab has every message.
func TestDevtoolsShowHAR(t *testing.T) {
	long.Test(t)
	var har, words bytes.Buffer
	if code := Main([]string{"-T", "har", pcaps + "chat.pcap"}, strings.NewReader(""), &har, &words); code != 0 {
		t.Fatal(words.String())
	}
	text, err := json.Marshal(har.String())
	if err != nil {
		t.Fatal(err)
	}
	page := browser.Open(t, "devtools://devtools/bundled/devtools_app.html")
	page.Until("document.body && document.body.children.length > 2")
	shown := page.Eval(`(async () => {
		const at = "devtools://devtools/bundled/";
		const ui = await import(at + "ui/legacy/legacy.js");
		await ui.ViewManager.ViewManager.instance().showView("network");
		const panel = (await import(at + "panels/network/network.js")).NetworkPanel.NetworkPanel.instance();
		await panel.networkLogView.onLoadFromFile(new File([` + string(text) + `], "chat.har"));
		const log = (await import(at + "models/logs/logs.js")).NetworkLog.NetworkLog.instance();
		await panel.selectAndActivateRequest(log.requests()[0], "web-socket-frames");
		const texts = (root) => [...root.querySelectorAll("*")].flatMap(e => [e.shadowRoot ? texts(e.shadowRoot) : "", e.children.length ? "" : e.textContent]).join(" ");
		for (let i = 0; i < 100 && !texts(document.body).includes("7.5"); i++) await new Promise(r => setTimeout(r, 50));
		return texts(document.body);
	})()`)
	if folder := os.Getenv("WSDUMP_SHOTS"); folder != "" {
		page.Screenshot(filepath.Join(folder, "har-devtools.png"))
	}
	for _, want := range []string{"hello", "world", "Grüße aus Köln 👋", "你好，世界", `"symbol":"XYZ","price":7.5`} {
		if !strings.Contains(shown, want) {
			t.Errorf("%s is not in the Messages tab", want)
		}
	}
}

// asDevtools returns the connections of NDJSON, each with its messages.
func asDevtools(t *testing.T, lines []byte) string {
	conns := map[int][]string{}
	last := 0
	for line := range bytes.Lines(lines) {
		var row struct {
			Type, Dir, Kind, URL, Text, Base64 string
			Conn, Status                       int
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		switch row.Type {
		case "open":
			last = max(last, row.Conn)
			conns[row.Conn] = append(conns[row.Conn], fmt.Sprint(row.URL, " ", row.Status))
		case "message":
			opcode := " 1 "
			if row.Kind == "binary" {
				opcode = " 2 "
			}
			conns[row.Conn] = append(conns[row.Conn], row.Dir+opcode+row.Text+row.Base64)
		}
	}
	var all []string
	for id := 1; id <= last; id++ {
		all = append(all, conns[id]...)
	}
	return strings.Join(all, "\n")
}
