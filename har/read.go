package har

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Archive holds the WebSockets of a HAR.
type Archive struct {
	Name     string
	Requests uint64 // entries without a WebSocket
	Dropped  uint64 // messages that could not be read
	conns    []recordedConn
}

// recordedConn is one entry with a WebSocket.
type recordedConn struct {
	handshake  timeline.Handshake
	secure     bool
	server     string // address of the server, "" if unknown
	started    int64
	duration   int64 // 0 if unknown
	close      *closeInfo
	aborted    bool
	messages   []recordedMessage
	unrecorded bool // the archive has no list of messages, not even an empty one
}

// recordedMessage is one message.
type recordedMessage struct {
	time    int64 // 0 if unknown
	op      int   // opcode, or -1 for an error that the browser recorded
	dir     timeline.Direction
	payload []byte
	extra   extra
}

// ErrFormat is wrapped by the error for a file that is no HAR.
var ErrFormat = errors.New("not a HAR")

// CutError is the error for an archive that ends early or is damaged. Entries before
// that were read.
type CutError struct {
	Name    string
	Entries int
	Err     error
}

func (e *CutError) Error() string {
	return fmt.Sprintf("%s is cut short or damaged: %v; %d entries before that were read", e.Name, e.Err, e.Entries)
}

// Unwrap returns the error of the decoder.
func (e *CutError) Unwrap() error { return e.Err }

// SniffLength is how many bytes of a file [Is] needs.
const SniffLength = 4 << 10

// Is reports whether a file that begins with b is a HAR: a JSON object with a log,
// plain or compressed with zlib (.zhar) or gzip.
func Is(b []byte) bool {
	if r, err := inflated(bufio.NewReader(bytes.NewReader(b))); err == nil && r != nil {
		plain := make([]byte, SniffLength)
		n, _ := io.ReadFull(r, plain)
		b = plain[:n]
	}
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
	rest, ok := bytes.CutPrefix(b, []byte("{"))
	return ok && bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(`"log"`)) || ok && bytes.Contains(b, []byte(`"log"`)) && bytes.Contains(b, []byte(`"creator"`))
}

// inflated returns a reader of the decompressed data, nil if r is not compressed.
func inflated(r *bufio.Reader) (io.Reader, error) {
	magic, _ := r.Peek(2)
	switch {
	case len(magic) < 2:
	case magic[0] == 0x1f && magic[1] == 0x8b:
		return gzip.NewReader(r)
	case magic[0] == 0x78 && (int(magic[0])<<8|int(magic[1]))%31 == 0:
		return zlib.NewReader(r)
	}
	return nil, nil
}

// Open reads the archive in a file, see [Read].
func Open(path string) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f, path)
}

// Read reads an archive. name is for errors, and its folder is where messages in
// separate files are looked for. The error wraps [ErrFormat], or is a [*CutError] and
// comes with what could be read. Memory grows with the messages of WebSockets only.
func Read(r io.Reader, name string) (*Archive, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	var plain io.Reader = buffered
	if z, err := inflated(buffered); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, ErrFormat, err)
	} else if z != nil {
		plain = z
	}
	if bom, _ := buffered.Peek(3); string(bom) == "\xef\xbb\xbf" {
		_, _ = buffered.Discard(3)
	}
	p := parser{Archive: &Archive{Name: name}, json: json.NewDecoder(plain)}
	p.json.UseNumber()
	err := p.archive()
	switch {
	case err == nil:
		return p.Archive, nil
	case errors.Is(err, ErrFormat):
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p.Archive, &CutError{name, len(p.conns) + int(p.Requests), err}
}

// parser reads one archive, entry by entry.
type parser struct {
	*Archive
	json         *json.Decoder
	messageBytes int64
}

// Bounds of an archive.
const (
	maxHeld     = 4 << 30 // bytes of messages
	maxMessages = 1 << 26
)

func (p *parser) archive() error {
	found, entries := false, false
	err := p.object(func(key string) error {
		if key != "log" {
			return p.skip()
		}
		found = true
		return p.object(func(key string) error {
			if key != "entries" {
				return p.skip()
			}
			entries = true
			return p.array(p.entry)
		})
	})
	if !found && err == nil || !found && p.json.InputOffset() < 2 {
		return fmt.Errorf("%w: it has no log", ErrFormat)
	}
	if err == nil && !entries {
		return fmt.Errorf("%w: its log has no entries", ErrFormat)
	}
	return err
}

// object calls each with each key of an object. each must read the value.
func (p *parser) object(each func(key string) error) error {
	if ok, err := p.enter('{'); !ok {
		return err
	}
	for p.json.More() {
		key, err := p.json.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if err := each(name); err != nil {
			return err
		}
	}
	_, err := p.json.Token()
	return err
}

// array calls each for each item of an array. each must read the item.
func (p *parser) array(each func() error) error {
	if ok, err := p.enter('['); !ok {
		return err
	}
	for p.json.More() {
		if err := each(); err != nil {
			return err
		}
	}
	_, err := p.json.Token()
	return err
}

// enter reads the beginning of an object or array. It skips a value of another type
// and returns false.
func (p *parser) enter(delim json.Delim) (bool, error) {
	token, err := p.json.Token()
	if err != nil {
		return false, err
	}
	if got, ok := token.(json.Delim); ok {
		if got == delim {
			return true, nil
		}
		return false, p.skipRest()
	}
	return false, nil
}

// skip skips a value.
func (p *parser) skip() error {
	token, err := p.json.Token()
	if d, ok := token.(json.Delim); ok && err == nil && (d == '{' || d == '[') {
		return p.skipRest()
	}
	return err
}

// skipRest skips the rest of an object or array.
func (p *parser) skipRest() error {
	for depth := 1; depth > 0; {
		token, err := p.json.Token()
		if err != nil {
			return err
		}
		switch d, _ := token.(json.Delim); d {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
	}
	return nil
}

// decode reads a value into v. If the value has another shape, v keeps what fits,
// without an error.
func (p *parser) decode(v any) error {
	err := p.json.Decode(v)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return nil
	}
	return err
}

// entry reads one entry. Keys come in any order: Chrome writes the messages before
// the request.
func (p *parser) entry() error {
	var (
		t        recordedConn
		req      request
		res      response
		started  string
		kind     string
		elapsed  number
		waits    struct{ Send, Wait, Blocked, Connect number }
		closing  json.RawMessage
		messages bool
	)
	err := p.object(func(key string) error {
		switch key {
		case "startedDateTime":
			return p.decode(&started)
		case "time":
			return p.decode(&elapsed)
		case "request":
			return p.decode(&req)
		case "response":
			return p.decode(&res)
		case "timings":
			return p.decode(&waits)
		case "serverIPAddress":
			return p.decode(&t.server)
		case "_resourceType":
			return p.decode(&kind)
		case "_webSocketClose":
			return p.decode(&closing)
		case "_webSocketMessages":
			messages = true
			return p.array(func() error { return p.message(&t, p.decode) })
		}
		return p.skip()
	})
	if err != nil && len(t.messages) == 0 {
		return err
	}
	socket := messages || strings.EqualFold(kind, "websocket") || strings.HasPrefix(strings.ToLower(req.URL), "ws")
	if !socket {
		p.Requests++
		return err
	}
	if at, e := time.Parse(time.RFC3339Nano, started); e == nil {
		t.started = at.UnixNano()
	}
	t.duration = int64(float(elapsed) * 1e6)
	t.handshake, t.secure = handshake(&req, &res)
	if t.started != 0 {
		t.handshake.Request = timeline.Stamp{Time: t.started}
		if res.Status != 0 {
			wait := max(0, float(waits.Blocked)) + max(0, float(waits.Connect)) + max(0, float(waits.Send)) + max(0, float(waits.Wait))
			t.handshake.Response = timeline.Stamp{Time: t.started + int64(wait*1e6)}
		}
	}
	if word := ""; json.Unmarshal(closing, &word) == nil {
		t.aborted = word == aborted
	} else if info := (closeInfo{}); json.Unmarshal(closing, &info) == nil {
		t.close = &info
	}
	if res.Content.File != "" && len(t.messages) == 0 {
		p.readAttached(&t, res.Content.File)
	}
	t.unrecorded = !messages && len(t.messages) == 0 && (res.Status == 101 || res.Status == 200 || res.Status == 0)
	t.fillTimes()
	p.conns = append(p.conns, t)
	return err
}

// readAttached reads messages from a file of JSON lines beside the archive
// (Playwright's attach mode). The archive names the file, so only a file in the
// archive's own folder is read. A missing file counts in Dropped.
func (p *parser) readAttached(t *recordedConn, name string) {
	if !filepath.IsLocal(name) || filepath.Base(name) != name {
		p.Dropped++
		return
	}
	f, err := os.Open(filepath.Join(filepath.Dir(p.Name), name))
	if err != nil {
		p.Dropped++
		return
	}
	defer f.Close()
	lines := json.NewDecoder(f)
	for {
		err := p.message(t, func(v any) error { return lines.Decode(v) })
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			continue
		}
		if err != nil {
			return
		}
	}
}

// message reads one message.
func (p *parser) message(t *recordedConn, decode func(any) error) error {
	var m struct {
		message
		Opcode number `json:"opcode"`
		Extra  extra  `json:"_wsdump"`
	}
	if err := decode(&m); err != nil {
		return err
	}
	if p.messageBytes += int64(len(m.Data)) + 128; p.messageBytes > maxHeld || len(t.messages) == maxMessages {
		return fmt.Errorf("more than %d GiB of messages", maxHeld>>30)
	}
	s := recordedMessage{op: int(float(m.Opcode)), extra: m.Extra, time: nanoseconds(m.Time)}
	switch m.Type {
	case "send":
	case "receive":
		s.dir = timeline.ServerToClient
	case "error":
		s.op = -1
	default:
		p.Dropped++
		return nil
	}
	switch {
	case m.Opcode == "":
		s.op = 1
	case s.op < -1 || s.op > 15:
		p.Dropped++
		return nil
	}
	if s.op == 1 || s.op == -1 {
		s.payload = []byte(m.Data)
	} else if raw, err := base64.StdEncoding.DecodeString(m.Data); err == nil {
		s.payload = raw
	} else {
		s.payload, s.extra.Opaque = []byte(m.Data), true
	}
	t.messages = append(t.messages, s)
	return nil
}

// nanoseconds converts epoch seconds to nanoseconds. A number that is too large for
// seconds is in milliseconds. It returns 0 if the time is unknown.
func nanoseconds(n number) int64 {
	v := float(n)
	switch {
	case v <= 0:
		return 0
	case v > 1e11:
		return int64(v*1e3) * 1e3
	}
	whole, fraction, _ := strings.Cut(string(n), ".")
	if strings.ContainsAny(string(n), "eE") || len(whole) > 11 {
		return int64(v * 1e9)
	}
	var seconds, rest int64
	for _, c := range whole {
		seconds = seconds*10 + int64(c-'0')
	}
	for i := range 9 { // exact, unlike a float64
		rest *= 10
		if i < len(fraction) {
			rest += int64(fraction[i] - '0')
		}
	}
	return seconds*1e9 + rest
}

func float(n number) float64 {
	v, err := strconv.ParseFloat(string(n), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// fillTimes gives messages without a time the time of the previous message.
func (t *recordedConn) fillTimes() {
	at := t.started
	for i := range t.messages {
		m := &t.messages[i]
		if m.time == 0 {
			m.time = at
		}
		at = m.time
	}
	if t.started == 0 && len(t.messages) > 0 {
		t.started = t.messages[0].time
	}
}

// handshake returns the facts of request and response. secure is true for wss and
// https.
func handshake(req *request, res *response) (h timeline.Handshake, secure bool) {
	h.Method = req.Method
	scheme, rest, ok := strings.Cut(req.URL, "://")
	if !ok {
		scheme, rest = "ws", req.URL
	}
	scheme = strings.ToLower(scheme)
	secure = scheme == "wss" || scheme == "https"
	host, target := rest, "/"
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, target = rest[:i], rest[i:]
	}
	h.Target = "http://" + host + target // absolute-form, so that the URL is kept as it is
	h.Status, h.Reason = res.Status, res.StatusText
	switch v := strings.ToLower(req.HTTPVersion); {
	case strings.HasPrefix(v, "http/"):
		h.HTTPVersion = v[len("http/"):]
	case v == "h2", v == "h3":
		h.HTTPVersion = v[1:]
	}
	h.HTTPVersion = strings.TrimSuffix(h.HTTPVersion, ".0")
	h.RequestHeaders, h.ResponseHeaders = fields(req.Headers), fields(res.Headers)
	return h, secure
}

func fields(list []nameValue) (out []timeline.Header) {
	for _, f := range list {
		out = append(out, timeline.Header{Name: f.Name, Value: f.Value})
	}
	return out
}
