package http1

import (
	"strings"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// Facts is what a connection did besides opening a WebSocket. Polling,
// long polling and event streams are what WebSocket replaced, and what
// libraries fall back to.
type Facts struct {
	Requests    uint64
	Host        string // of the first request
	Target      string
	EventStream bool   // Server-Sent Events (HTML 9.2)
	EngineIO    bool   // Engine.IO's polling, under Socket.IO
	Session     string // its session
	LongPolls   uint64 // responses that came after longPoll or later
}

// longPoll is how long a server keeps a request for that to be polling and not
// slowness, by capture time.
const longPoll = 5 * time.Second

// Fallback names what stood in for a WebSocket; "" for nothing.
func (f *Facts) Fallback() string {
	switch {
	case f.EngineIO:
		return "engine.io"
	case f.EventStream:
		return "sse"
	case f.LongPolls >= 2:
		return "long-polling"
	}
	return ""
}

// Facts returns what is known by now.
func (s *Stream) Facts() *Facts { return &s.facts }

func (f *Facts) request(target string, headers []timeline.Header) {
	f.Requests++
	if f.Requests == 1 {
		f.Host, _ = timeline.Get(headers, "Host")
		f.Target = target
	}
	_, query, _ := strings.Cut(target, "?")
	polling, session := false, ""
	for pair := range strings.SplitSeq(query, "&") {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case "transport":
			polling = value == "polling"
		case "sid":
			session = value
		}
	}
	if polling {
		f.EngineIO = true
		if session != "" {
			f.Session = session
		}
	}
}

func (f *Facts) response(r *request, at timeline.Stamp, headers []timeline.Header) {
	if t, ok := timeline.Get(headers, "Content-Type"); ok && strings.HasPrefix(strings.ToLower(t), "text/event-stream") {
		f.EventStream = true
	} else if !r.at.IsZero() && time.Duration(at.Time-r.at.Time) >= longPoll {
		f.LongPolls++
	}
}
