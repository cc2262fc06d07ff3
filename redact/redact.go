// Package redact removes secrets from a timeline before it is shown or passed on:
// headers, query parameters, values in JSON, and whatever patterns match. A [Sink]
// stands before an output and passes redacted copies to it. The originals stay as they
// are, for other sinks.
//
// It fails closed: where a rule cannot be applied, the payload is left out. That is so
// when JSON cannot be parsed, and for a frame that is only a part of a message.
package redact

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/wsdump/wsdump/query"
	"github.com/wsdump/wsdump/timeline"
)

// Options say what is removed. The zero value removes nothing.
type Options struct {
	Headers   []string         // names, in any case
	Query     []string         // names of query parameters, in any case
	Tokens    bool             // tokens in Sec-WebSocket-Protocol
	JSON      []query.Path     // values in messages that are JSON
	Patterns  []*regexp.Regexp // in payloads, URLs, headers and reasons
	Key       []byte           // if not empty, a value becomes its keyed hash, so that equal values stay equal
	Anonymize bool             // replace IP addresses, equal prefixes by equal prefixes
}

// Defaults adds what is removed from every output that is made to be passed on: cookies,
// credentials and tokens in headers and query parameters.
func (o *Options) Defaults() {
	o.Headers = append(o.Headers, "Cookie", "Set-Cookie", "Authorization", "Proxy-Authorization", "X-Api-Key", "X-Auth-Token", "X-Access-Token",
		"X-Csrf-Token", "X-Xsrf-Token", "X-Amz-Security-Token", "Sec-WebSocket-Authorization")
	o.Query = append(o.Query, "token", "access_token", "refresh_token", "id_token", "auth", "authorization", "api_key", "apikey", "api-key", "key",
		"secret", "client_secret", "password", "passwd", "pwd", "pass", "signature", "sig", "session", "sessionid", "session_id", "sid", "jwt", "ticket",
		"code", "credential", "x-amz-signature", "x-amz-credential", "x-amz-security-token")
	o.Tokens = true
}

// Active reports whether anything is to be removed.
func (o *Options) Active() bool {
	return len(o.Headers)+len(o.Query)+len(o.JSON)+len(o.Patterns) > 0 || o.Tokens || o.Anonymize
}

// Payload reports whether payload is searched.
func (o *Options) Payload() bool { return len(o.JSON)+len(o.Patterns) > 0 }

// Sink passes a redacted timeline to another sink.
type Sink struct {
	next      timeline.Sink
	opt       Options
	headers   map[string]bool
	query     map[string]bool
	addresses *addresses
	conns     map[*timeline.Conn]*copied // of open connections
	document  query.Document
	scratch   []byte
}

// copied is the redacted copy of a connection.
type copied struct {
	timeline.Conn
	transport timeline.Transport
	secrets   []string // that were removed from its handshake
}

// New returns a Sink before next.
func New(next timeline.Sink, opt Options) *Sink {
	s := &Sink{
		next: next, opt: opt, headers: make(map[string]bool), query: make(map[string]bool), conns: make(map[*timeline.Conn]*copied),
	}
	for _, name := range opt.Headers {
		s.headers[strings.ToLower(name)] = true
	}
	for _, name := range opt.Query {
		s.query[strings.ToLower(name)] = true
	}
	if opt.Anonymize {
		s.addresses = newAddresses(opt.Key)
	}
	return s
}

// blank returns the replacement for a value that is removed.
func (s *Sink) blank(value string) string {
	if len(s.opt.Key) == 0 {
		return "[redacted]"
	}
	mac := hmac.New(sha256.New, s.opt.Key)
	mac.Write([]byte(value))
	return "[redacted:" + hex.EncodeToString(mac.Sum(nil)[:6]) + "]"
}

// of returns the redacted copy of c as it is now.
func (s *Sink) of(c *timeline.Conn) *timeline.Conn {
	if c == nil {
		return nil
	}
	x := s.conns[c]
	if x == nil {
		x = &copied{}
		s.conns[c] = x
		x.Handshake = s.handshake(c.Handshake, &x.secrets)
	}
	h := x.Handshake
	c.Clone(&x.Conn, &x.transport)
	x.Handshake = h
	if s.addresses != nil {
		x.Client, x.Server, x.Peer = s.addresses.port(c.Client), s.addresses.port(c.Server), s.addresses.port(c.Peer)
		x.transport.Client, x.transport.Server = s.addresses.port(x.transport.Client), s.addresses.port(x.transport.Server)
	}
	x.CloseText = s.text(c.CloseText)
	return &x.Conn
}

// Select implements [query.Selective]. It passes the match on.
func (s *Sink) Select(m query.Match) {
	if next, ok := s.next.(query.Selective); ok {
		next.Select(m)
	}
}

// Begin implements [timeline.Sink].
func (s *Sink) Begin(at timeline.Stamp) { s.next.Begin(at) }

// Needs passes the connection itself, not the copy.
func (s *Sink) Needs(c *timeline.Conn) timeline.Needs { return s.next.Needs(c) }

// Open passes a copy on.
func (s *Sink) Open(c *timeline.Conn) { s.next.Open(s.of(c)) }

// Message passes a copy on.
func (s *Sink) Message(m *timeline.Message) {
	own := *m
	own.Conn = s.of(m.Conn)
	if s.opt.Payload() && len(m.Payload) > 0 {
		text := m.Kind == timeline.OpText && !m.Opaque
		if payload, changed := s.payload(m.Payload, text); changed {
			own.SetPayload(payload)
			own.Redacted = true
		}
	}
	s.next.Message(&own)
}

// Frame passes a copy on. Where a data frame is only a part of a message, its payload
// cannot be searched, and is left out.
func (s *Sink) Frame(f *timeline.Frame) {
	own := *f
	own.Conn = s.of(f.Conn)
	if s.opt.Payload() && len(f.Payload) > 0 {
		switch {
		case f.Opcode == timeline.OpClose:
			code := f.Payload[:len(f.Payload)-len(f.CloseReason)]
			if payload := slices.Concat(code, []byte(s.text(string(f.CloseReason)))); !bytes.Equal(payload, f.Payload) {
				own.SetPayload(payload)
				own.Redacted = true
			}
		case !f.Opcode.Control() && (!f.Fin || f.Opcode == timeline.OpContinuation || f.Rsv1):
			own.SetPayload(nil)
			own.Redacted = true
		default:
			if payload, changed := s.payload(f.Payload, f.Opcode == timeline.OpText); changed {
				own.SetPayload(payload)
				own.Redacted = true
			}
		}
	}
	s.next.Frame(&own)
}

// Finding passes a copy on. It may quote secrets that were removed elsewhere.
func (s *Sink) Finding(f *timeline.Finding) {
	own := *f
	own.Conn = s.of(f.Conn)
	clean := func(text string) string {
		if x := s.conns[f.Conn]; x != nil {
			for _, secret := range x.secrets {
				text = strings.ReplaceAll(text, secret, s.blank(secret))
			}
		}
		text = s.text(text)
		if s.addresses != nil {
			text = s.addresses.text(text)
		}
		return text
	}
	own.Got, own.Want, own.Detail = clean(f.Got), clean(f.Want), clean(f.Detail)
	s.next.Finding(&own)
}

// Close passes a copy on, and drops it.
func (s *Sink) Close(c *timeline.Conn, at timeline.Stamp) {
	s.next.Close(s.of(c), at)
	delete(s.conns, c)
}

// Other passes a copy on.
func (s *Sink) Other(o *timeline.Other) {
	own := *o
	if s.addresses != nil {
		t := *o.Transport
		t.Client, t.Server = s.addresses.port(t.Client), s.addresses.port(t.Server)
		own.Transport = &t
		own.Host = s.addresses.text(o.Host)
	}
	own.Path = s.text(o.Path)
	if s.query["sid"] && o.SessionID != "" {
		own.SessionID = s.blank(o.SessionID)
	}
	s.next.Other(&own)
}

// Done implements [timeline.Sink].
func (s *Sink) Done(t *timeline.Totals) { s.next.Done(t) }
