package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/outputs"
	"github.com/wsdump/wsdump/redact"
	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/timeline"
)

// TestNoSecretInAnyOutput: what is planted in headers, URLs and payloads is in
// no format after redaction, and is there without.
func TestNoSecretInAnyOutput(t *testing.T) {
	rules := redactRules{}
	for _, rule := range []string{redactDefaults, "json:password", "match:PLANTED[a-z]+"} {
		if err := rules.Set(rule); err != nil {
			t.Fatal(err)
		}
	}
	tell := func(s timeline.Sink) {
		c := &timeline.Conn{ID: 1, Transport: &timeline.Transport{}, Layers: "tcp", Handshake: &timeline.Handshake{
			Method: "GET", Scheme: "ws", Host: "a", Path: "/", Query: "token=PLANTED1", Target: "/?token=PLANTED1", HTTPVersion: "1.1", Status: 101,
			Request: timeline.Stamp{Packet: 1, Time: 1}, Response: timeline.Stamp{Packet: 2, Time: 2},
			RequestHeaders: []timeline.Header{{Name: "Cookie", Value: "sid=PLANTED2"}, {Name: "Authorization", Value: "Basic PLANTED3"}},
		}}
		s.Begin(timeline.Stamp{Packet: 1, Time: 1})
		s.Open(c)
		for _, payload := range []string{`{"password":"PLANTED4","x":1}`, "call PLANTEDhome"} {
			s.Message(&timeline.Message{Conn: c, First: timeline.Stamp{Packet: 3, Time: 3}, Kind: timeline.OpText, Text: true, HasPayload: true, Payload: []byte(payload)})
		}
		s.Frame(&timeline.Frame{Conn: c, N: 3, Fin: true, Opcode: timeline.OpText, Payload: []byte(`{"password":"PLANTED5"}`)})
		s.Frame(&timeline.Frame{Conn: c, N: 4, Fin: true, Opcode: timeline.OpPing, Payload: []byte("PLANTEDping"), PayloadUTF8: true})
		s.Finding(&timeline.Finding{Conn: c, Rule: &timeline.Rule{ID: "x/y", Title: "t"}, Got: "Basic PLANTED3", Detail: "sid=PLANTED2 PLANTEDmore"})
		c.CloseCode, c.CloseText = 1000, "PLANTEDbye"
		s.Close(c, timeline.Stamp{Packet: 9, Time: 9})
		s.Done(&timeline.Totals{Conns: 1})
	}
	looked := 0
	for _, format := range outputs.Formats() {
		for _, kind := range []func(*bytes.Buffer) report.Output{
			func(b *bytes.Buffer) report.Output {
				return format.Rows(b, report.Options{Frames: true, HARControl: true})
			},
			func(b *bytes.Buffer) report.Output {
				if format.List == nil {
					return nil
				}
				return format.List(b, report.Options{})
			},
		} {
			var with, without bytes.Buffer
			if kind(&with) == nil {
				continue
			}
			looked++
			tell(redact.New(kind(&with), rules.Options))
			tell(kind(&without))
			if strings.Contains(with.String(), "PLANTED") {
				i := strings.Index(with.String(), "PLANTED")
				t.Errorf("%s: a secret is in the output: %s", format.Name, with.String()[max(0, i-60):min(with.Len(), i+30)])
			}
			if !strings.Contains(without.String(), "PLANTED1") {
				t.Errorf("%s: it was never there", format.Name)
			}
		}
	}
	if looked < 8 {
		t.Errorf("only %d outputs were looked at", looked)
	}
}
