package report

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/internal/browser"
	"github.com/wsdump/wsdump/internal/long"
	"github.com/wsdump/wsdump/internal/page"
	"github.com/wsdump/wsdump/timeline"
)

// hostile are payloads that want to be more than text.
var hostile = []string{
	`<img src=x onerror="document.title='owned'">`,
	`</script><script>document.title='owned'</script>`,
	`<!--<script>`, `]]>`, `{{data}}`, "{{script}}",
	"\u202eevil\u2066 \x1b[2J \x00 \u2028",
	`{"html":"<svg onload=alert(1)>","__proto__":{"x":1},"constructor":"<b>"}`,
}

func hostilePage() string {
	var out strings.Builder
	h := NewHTML(&out, Options{Files: []string{"<b>&.pcap", "x"}})
	c := chat(1, 0)
	c.Handshake.Path = "/<script>alert(1)</script>"
	h.Begin(at(1, 0))
	h.Open(c)
	for i, payload := range hostile {
		h.Message(text(c, 0, uint64(i+8), float64(i)*10, payload))
	}
	h.Finding(&timeline.Finding{Rule: aRule, Conn: c, N: 1, At: at(30, 100), Got: hostile[1]})
	h.Frame(control(c, timeline.OpPing, 1, 31, 110, hostile[0]))
	h.Close(c, closed(c, 32, 120))
	h.Done(&timeline.Totals{Conns: 1, Messages: uint64(len(hostile))})
	return out.String()
}

// TestHTMLIsClosed: no byte of a payload can end the data block or begin a tag,
// and the policy names exactly the script and style that are there.
func TestHTMLIsClosed(t *testing.T) {
	html := hostilePage()
	if n := strings.Count(html, "<script"); n != 2 {
		t.Errorf("%d scripts", n)
	}
	if n := strings.Count(html, "</script>"); n != 2 {
		t.Errorf("%d ends of scripts", n)
	}
	data := html[strings.Index(html, `type="application/json">`)+25:]
	data = data[:strings.Index(data, "</script>")]
	if strings.Contains(data, "<") {
		t.Error("a < is in the data")
	}
	policy := regexp.MustCompile(`content="(default-src[^"]*)"`).FindStringSubmatch(html)[1]
	for _, part := range []string{"default-src 'none'", "script-src '" + page.PolicyHash(htmlScript) + "'", "style-src '" + page.PolicyHash(htmlStyle) + "'", "form-action 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("no %s in %s", part, policy)
		}
	}
	if strings.Contains(html, "http://") || strings.Contains(html, "https://") {
		t.Error("the page names another place")
	}
	if !strings.Contains(html, "<title>&lt;b&gt;&amp;.pcap and 1 more file</title>") {
		t.Error("the title is not escaped")
	}
}

// TestHTMLInBrowser: in a real browser the rows are there, and hostile payloads
// are text.
func TestHTMLInBrowser(t *testing.T) {
	dom := browser.Dump(t, "html-hostile", hostilePage())
	body := dom[strings.Index(dom, "<body"):]
	if !strings.Contains(dom, `data-ready="`+strconv.Itoa(len(hostile)+4)+`"`) {
		t.Fatalf("the script did not come to its end:\n%.2000s", dom)
	}
	if strings.Contains(dom, "<title>owned") || strings.Contains(body, "<img") || strings.Contains(body, "<svg") || strings.Count(dom, "<script") != 2 {
		t.Error("a payload became markup")
	}
	for _, want := range []string{`&lt;img src=x onerror="document.title='owned'"&gt;`, `\u202eevil\u2066 \u001b[2J \u0000 \u2028`, "12 of 12 rows"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in the page", want)
		}
	}
}

// TestHTMLOfManyRows: 100,000 messages are shown by a list that holds only what
// is in sight.
func TestHTMLOfManyRows(t *testing.T) {
	const n = 100_000
	var out strings.Builder
	h := NewHTML(&out, Options{Files: []string{"many.pcap"}})
	h.Begin(at(1, 0))
	c := chat(1, 0)
	h.Open(c)
	for i := range n {
		h.Message(text(c, timeline.Direction(i%2), uint64(i+2), float64(i), `{"type":"price","symbol":"ABC","n":`+strconv.Itoa(i)+`}`))
	}
	h.Close(c, closed(c, n+3, float64(n)))
	h.Done(&timeline.Totals{Conns: 1, Messages: n})
	dom := browser.Dump(t, "html-many", out.String())
	if !strings.Contains(dom, `data-ready="`+strconv.Itoa(n+2)+`"`) || !strings.Contains(dom, "100,002 of 100,002 rows") {
		t.Errorf("not all rows are there:\n%.1000s", dom)
	}
	if rows := strings.Count(dom, `class="row `); rows < 10 || rows > 200 {
		t.Errorf("%d rows are in the document", rows)
	}
}

// TestHTMLInHands: what a person does with the page does what it says.
func TestHTMLInHands(t *testing.T) {
	long.Test(t)
	var out strings.Builder
	many(NewHTML(&out, Options{}))
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	page := browser.Open(t, "file://"+file)
	page.Until("document.readyState === 'complete' && document.documentElement.dataset.ready")
	counted := func() int {
		n, err := strconv.Atoi(strings.ReplaceAll(strings.Split(page.Eval("document.getElementById('count').textContent"), " ")[0], ",", ""))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	set := func(id, event, value string) {
		page.Eval(fmt.Sprintf("(() => { const e = document.getElementById(%q); e.value = %q; e.dispatchEvent(new Event(%q)); })()", id, value, event))
	}
	all := counted()
	set("kind", "change", "message")
	messages := counted()
	set("dir", "change", "send")
	sent := counted()
	set("dir", "change", "receive")
	received := counted()
	if messages == 0 || messages >= all || sent == 0 || received == 0 || sent+received != messages {
		t.Errorf("%d rows, %d messages, %d sent, %d received", all, messages, sent, received)
	}
	set("search", "input", "there is no such text")
	if n := counted(); n != 0 {
		t.Errorf("%d rows with a text that is not there", n)
	}
	page.Eval("document.getElementById('everything').click()")
	if n := counted(); n != all {
		t.Errorf("%d of %d rows after Show all", n, all)
	}
	set("search", "input", "/[/")
	if page.Eval("document.getElementById('search').className") != "wrong" {
		t.Error("a wrong regular expression is not marked")
	}
	page.Eval("document.getElementById('everything').click()")
	set("kind", "change", "message")
	page.Eval("document.querySelector('.row').click()")
	page.Until("document.querySelector('main.split aside h2')")
	if page.Eval("document.querySelectorAll('#conns .line').length") == "0" {
		t.Error("no waterfall of connections")
	}
	page.Eval("document.querySelector('#conns .line').click()")
	if n := counted(); n == 0 || n > messages {
		t.Errorf("%d rows of one connection", n)
	}
}
