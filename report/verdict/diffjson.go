package verdict

import (
	"bufio"
	"encoding/json"
	"io"
	"time"

	"github.com/wsdump/wsdump/diff"
	"github.com/wsdump/wsdump/internal/ndjson"
	"github.com/wsdump/wsdump/timeline"
)

// The tree of a diff in JSON (docs/diff.schema.json). Package ndjson writes its
// texts, times and durations.
type (
	diffText   string
	diffBytes  []byte
	diffTime   int64
	diffMillis int64

	diffTree struct {
		Schema  int         `json:"schema"`
		Type    string      `json:"type"`
		Version diffText    `json:"version"`
		Equal   bool        `json:"equal"`
		A       diffSide    `json:"a"`
		B       diffSide    `json:"b"`
		Counts  diffCounts  `json:"counts"`
		Only    diffOnly    `json:"connections_only"`
		Changed uint64      `json:"properties"`
		Alone   uint64      `json:"without_other_leg,omitempty"`
		Delay   diffDelays  `json:"delay"`
		Pairs   []*diffPair `json:"pairs"`
	}
	diffSide struct {
		Files          []diffText `json:"files"`
		Connections    uint64     `json:"connections"`
		Messages       uint64     `json:"messages"`
		TLSWithoutKeys uint64     `json:"tls_without_keys,omitempty"`
		Gaps           uint64     `json:"gaps,omitempty"`
		Dropped        uint64     `json:"dropped,omitempty"`
		Recorded       bool       `json:"har,omitempty"`
		Damage         []diffText `json:"damage,omitempty"`
		NotCompared    []diffText `json:"not_compared,omitempty"`
	}
	diffCounts struct {
		Lost      uint64 `json:"lost"`
		Added     uint64 `json:"added"`
		Doubled   uint64 `json:"doubled"`
		Reordered uint64 `json:"reordered"`
		Changed   uint64 `json:"changed"`
	}
	diffOnly struct {
		A uint64 `json:"a"`
		B uint64 `json:"b"`
	}
	diffDelays struct {
		Send    *diffDelay `json:"send,omitempty"`
		Receive *diffDelay `json:"receive,omitempty"`
	}
	diffDelay struct {
		Count uint64     `json:"count"`
		P50   diffMillis `json:"p50_ms"`
		P95   diffMillis `json:"p95_ms"`
		Max   diffMillis `json:"max_ms"`
	}
	diffPair struct {
		Equal       bool             `json:"equal"`
		By          string           `json:"paired_by,omitempty"`
		A           *diffConn        `json:"a,omitempty"`
		B           *diffConn        `json:"b,omitempty"`
		Compared    *diffCompared    `json:"compared,omitempty"`
		Counts      *diffCounts      `json:"counts,omitempty"`
		Properties  []diffProperty   `json:"properties,omitempty"`
		Differences []diffDifference `json:"differences,omitempty"`
		More        uint64           `json:"differences_not_told,omitempty"`
		Delay       *diffDelays      `json:"delay,omitempty"`
		Offset      *diffMillis      `json:"clock_offset_ms,omitempty"`
		Nearer      string           `json:"nearer_client,omitempty"`
	}
	diffCompared struct {
		Send     uint64 `json:"send"`
		Receive  uint64 `json:"receive"`
		Controls bool   `json:"controls"`
	}
	diffConn struct {
		Conn        uint64     `json:"conn"`
		URL         diffText   `json:"url,omitempty"`
		Client      diffText   `json:"client,omitempty"`
		Server      diffText   `json:"server,omitempty"`
		Status      int        `json:"status,omitempty"`
		Subprotocol diffText   `json:"subprotocol,omitempty"`
		Packet      uint64     `json:"packet,omitempty"`
		Time        *diffTime  `json:"time,omitempty"`
		Sent        uint64     `json:"sent"`
		Received    uint64     `json:"received"`
		Damage      []diffText `json:"damage,omitempty"`
	}
	diffProperty struct {
		Name string   `json:"name"`
		A    diffText `json:"a"`
		B    diffText `json:"b"`
	}
	diffDifference struct {
		Kind   string       `json:"kind"`
		Dir    string       `json:"dir"`
		Moved  bool         `json:"moved,omitempty"`
		TimesA uint64       `json:"times_a"`
		TimesB uint64       `json:"times_b"`
		A      *diffMessage `json:"a,omitempty"`
		B      *diffMessage `json:"b,omitempty"`
	}
	diffMessage struct {
		N          uint64    `json:"n"`
		Packet     uint64    `json:"packet,omitempty"`
		Time       *diffTime `json:"time,omitempty"`
		Kind       string    `json:"kind"`
		Length     uint64    `json:"length"`
		Text       *diffText `json:"text,omitempty"`
		Base64     diffBytes `json:"base64,omitempty"`
		Truncated  bool      `json:"truncated,omitempty"`
		Incomplete bool      `json:"incomplete,omitempty"`
		Opaque     bool      `json:"opaque,omitempty"`
		Guessed    bool      `json:"guessed,omitempty"`
	}
)

func (t diffText) MarshalJSON() ([]byte, error)  { return ndjson.AppendString(nil, string(t)), nil }
func (b diffBytes) MarshalJSON() ([]byte, error) { return ndjson.AppendBase64(nil, b), nil }
func (m diffMillis) MarshalJSON() ([]byte, error) {
	return ndjson.AppendMillis(nil, time.Duration(m)), nil
}

func (t diffTime) MarshalJSON() ([]byte, error) {
	return append((&ndjson.Clock{}).AppendRFC3339([]byte{'"'}, int64(t)), '"'), nil
}

func diffTimeOf(ns int64) *diffTime {
	if ns == 0 {
		return nil
	}
	return (*diffTime)(&ns)
}

func diffTexts(texts ...[]string) (all []diffText) {
	for _, some := range texts {
		for _, text := range some {
			all = append(all, diffText(text))
		}
	}
	return all
}

// WriteDiffJSON writes the whole comparison as one line with a JSON object
// (docs/DIFF.md).
func WriteDiffJSON(w io.Writer, r *diff.Report, opt DiffOptions) error {
	all := &diffTree{
		Schema: 1, Type: "diff", Version: diffText(opt.Version), Equal: r.Equal(), A: diffSideOf(0, &r.A, &opt), B: diffSideOf(1, &r.B, &opt),
		Counts: diffCountsOf(r.Counts[:]), Only: diffOnly{r.Only[0], r.Only[1]}, Changed: r.Property, Alone: r.Alone, Delay: diffDelaysOf(r.Delay), Pairs: []*diffPair{},
	}
	for _, p := range r.Pairs {
		all.Pairs = append(all.Pairs, diffPairOf(p))
	}
	out := bufio.NewWriter(w)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(all); err != nil {
		return err
	}
	return out.Flush()
}

func diffSideOf(i int, s *diff.Side, opt *DiffOptions) diffSide {
	return diffSide{
		Files: append([]diffText{}, diffTexts(opt.Files[i])...), Connections: s.Connections, Messages: s.Messages, TLSWithoutKeys: s.Totals.TLSNoKeys,
		Gaps: s.Totals.Gaps, Dropped: s.Totals.Dropped, Recorded: s.Totals.Recorded, Damage: diffTexts(opt.Damage[i]), NotCompared: diffTexts(s.Bounds),
	}
}

func diffCountsOf(n []uint64) diffCounts {
	return diffCounts{n[diff.Lost], n[diff.Added], n[diff.Doubled], n[diff.Reordered], n[diff.Changed]}
}

func diffDelaysOf(d [2]diff.Delay) (all diffDelays) {
	of := func(d *diff.Delay) *diffDelay {
		if d.N == 0 {
			return nil
		}
		return &diffDelay{d.N, diffMillis(d.P50), diffMillis(d.P95), diffMillis(d.Max)}
	}
	return diffDelays{of(&d[timeline.ClientToServer]), of(&d[timeline.ServerToClient])}
}

func diffPairOf(p *diff.Pair) *diffPair {
	out := &diffPair{Equal: p.Equal(), By: p.By, A: diffConnOf(p.A), B: diffConnOf(p.B)}
	if p.A == nil || p.B == nil {
		return out
	}
	counts, delay := diffCountsOf(p.Counts[:]), diffDelaysOf(p.Delay)
	out.Counts, out.Delay, out.More = &counts, &delay, p.More
	out.Compared = &diffCompared{p.Compared[0], p.Compared[1], p.Controls}
	if p.HasOffset {
		out.Offset = (*diffMillis)(&p.Offset)
		out.Nearer = "a"
		if p.Nearer == timeline.PartyServer {
			out.Nearer = "b"
		}
	}
	for _, x := range p.Properties {
		out.Properties = append(out.Properties, diffProperty{x.Name, diffText(x.A), diffText(x.B)})
	}
	for i := range p.Differences {
		d := &p.Differences[i]
		out.Differences = append(out.Differences, diffDifference{d.Kind.String(), d.Dir().String(), d.Moved, d.Times[0], d.Times[1], diffMessageOf(d.A), diffMessageOf(d.B)})
	}
	return out
}

func diffConnOf(c *diff.Connection) *diffConn {
	if c == nil {
		return nil
	}
	return &diffConn{
		Conn: c.ID, URL: diffText(c.URL), Client: diffText(c.Client), Server: diffText(c.Server), Status: c.Status, Subprotocol: diffText(c.Subprotocol),
		Packet: c.Packet, Time: diffTimeOf(c.Time), Sent: c.Messages[0], Received: c.Messages[1], Damage: diffTexts(c.Damage),
	}
}

func diffMessageOf(m *diff.Message) *diffMessage {
	if m == nil {
		return nil
	}
	out := &diffMessage{
		N: m.N, Packet: m.Packet, Time: diffTimeOf(m.Time), Kind: m.Op.String(), Length: m.Length,
		Truncated: m.Truncated || m.Cut, Incomplete: m.Incomplete, Opaque: m.Opaque, Guessed: m.Guessed,
	}
	if m.Op != timeline.OpBinary && m.Valid || len(m.Payload) == 0 {
		text := diffText(m.Payload)
		out.Text = &text
	} else {
		out.Base64 = m.Payload
	}
	return out
}
