package redact

import (
	"net/url"
	"strings"

	"github.com/wsdump/wsdump/timeline"
)

// handshake returns a redacted copy of h, and adds what it removed to secrets.
func (s *Sink) handshake(h *timeline.Handshake, secrets *[]string) *timeline.Handshake {
	if h == nil {
		return nil
	}
	own := *h
	take := func(value string) string {
		if len(value) >= 4 {
			*secrets = append(*secrets, value)
		}
		return s.blank(value)
	}
	own.Query = s.text(s.parameters(h.Query, take))
	path, _, _ := strings.Cut(h.Target, "?")
	own.Target = s.text(path)
	if own.Query != "" {
		own.Target += "?" + own.Query
	}
	own.Path = s.text(h.Path)
	own.Host = s.text(h.Host)
	own.Origin = s.text(s.location(h.Origin, take))
	own.UserAgent = s.text(h.UserAgent)
	own.EngineIOSession = h.EngineIOSession
	if s.query["sid"] && h.EngineIOSession != "" {
		own.EngineIOSession = s.blank(h.EngineIOSession)
	}
	own.Subprotocol = s.protocol(h.Subprotocol, take)
	own.SubprotocolsOffered = nil
	for _, p := range h.SubprotocolsOffered {
		own.SubprotocolsOffered = append(own.SubprotocolsOffered, s.protocol(p, take))
	}
	own.RequestHeaders = s.fields(h.RequestHeaders, take)
	own.ResponseHeaders = s.fields(h.ResponseHeaders, take)
	if s.addresses != nil {
		own.Host = s.addresses.text(own.Host)
		own.Origin = s.addresses.text(own.Origin)
		own.Target = s.addresses.text(own.Target)
	}
	return &own
}

// fields returns a redacted copy of header fields.
func (s *Sink) fields(list []timeline.Header, take func(string) string) []timeline.Header {
	out := make([]timeline.Header, len(list))
	for i, f := range list {
		switch name := strings.ToLower(f.Name); {
		case s.headers[name]:
			f.Value = take(f.Value)
		case name == "sec-websocket-protocol":
			f.Value = s.protocols(f.Value, take)
		case name == "referer", name == "location", name == "origin", name == ":path":
			f.Value = s.location(f.Value, take)
		}
		f.Value = s.text(f.Value)
		if s.addresses != nil {
			f.Value = s.addresses.text(f.Value)
		}
		out[i] = f
	}
	return out
}

// location redacts the query of a URL.
func (s *Sink) location(value string, take func(string) string) string {
	before, query, ok := strings.Cut(value, "?")
	if !ok {
		return value
	}
	query, fragment, has := strings.Cut(query, "#")
	value = before + "?" + s.parameters(query, take)
	if has {
		value += "#" + s.parameters(fragment, take) // OAuth passes tokens there
	}
	return value
}

// parameters redacts the values in a query, by their names.
func (s *Sink) parameters(query string, take func(string) string) string {
	if len(s.query) == 0 || query == "" {
		return query
	}
	parts := strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' })
	out := parts[:0]
	for _, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		if ok && value != "" && s.query[strings.ToLower(plain)] {
			part = name + "=" + take(value)
		}
		out = append(out, part)
	}
	return strings.Join(out, "&")
}

// protocols redacts those entries of a list of subprotocols that are tokens.
func (s *Sink) protocols(value string, take func(string) string) string {
	parts := strings.Split(value, ",")
	for i, p := range parts {
		trimmed := strings.TrimSpace(p)
		if clean := s.protocol(trimmed, take); clean != trimmed {
			parts[i] = strings.Replace(p, trimmed, clean, 1)
		}
	}
	return strings.Join(parts, ",")
}

// tokenLength is how long a subprotocol must be, at least, to count as a token. The
// longest one in IANA's registry has 40 characters, but consists of words.
const tokenLength = 20

// protocol redacts a subprotocol that is a token. Applications put credentials there,
// since browsers cannot send headers with a WebSocket.
func (s *Sink) protocol(p string, take func(string) string) string {
	if !s.opt.Tokens || len(p) < tokenLength {
		return p
	}
	digits, capitals := 0, 0
	for _, c := range p {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'A' && c <= 'Z':
			capitals++
		}
	}
	words := strings.Count(p, ".") + strings.Count(p, "-") + 1
	if digits*10 >= len(p) || digits > 2 && capitals > 2 || len(p)/words > 16 || strings.Contains(strings.ToLower(p), "bearer.") {
		return take(p)
	}
	return p
}
