package tls

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// maxProblems bounds the problems that are reported for one text.
const maxProblems = 20

// AddLog adds lines of a key log, the file that SSLKEYLOGFILE names (RFC 9850),
// and returns how many bytes of text it used. A last line without an end may
// still grow: it is left, to be given again with what follows; at the end of a
// file add a newline. Lines that are not of this format are listed in problems,
// without their secrets, and passed over.
//
// Labels: CLIENT_RANDOM, CLIENT_EARLY_TRAFFIC_SECRET, CLIENT_ and
// SERVER_HANDSHAKE_TRAFFIC_SECRET, CLIENT_ and SERVER_TRAFFIC_SECRET_N, RSA. Tools for
// Java write lines "RSA Session-ID:HEX Master-Key:HEX" for TLS 1.2 and older.
// Exporter and ECH secrets decrypt no records and are passed over.
func (k *Keys) AddLog(text []byte) (n int, problems []string) {
	for line := 1; ; line++ {
		end := bytes.IndexByte(text[n:], '\n')
		if end < 0 {
			return n, problems
		}
		row := text[n : n+end]
		n += end + 1
		if line == 1 {
			row = bytes.TrimPrefix(row, []byte("\xef\xbb\xbf"))
		}
		row = bytes.TrimSpace(row)
		if len(row) == 0 || row[0] == '#' {
			continue
		}
		problem := k.addLine(row)
		switch {
		case problem == "" || len(problems) > maxProblems:
		case len(problems) == maxProblems:
			problems = append(problems, "more lines like these")
		default:
			problems = append(problems, fmt.Sprintf("line %d: %s", line, problem))
		}
	}
}

// addLine adds one line and returns what is wrong with it.
func (k *Keys) addLine(row []byte) (problem string) {
	label, rest, _ := bytes.Cut(row, []byte{' '})
	first, second, two := bytes.Cut(bytes.TrimSpace(rest), []byte{' '})
	second = bytes.TrimSpace(second)
	name := string(label[:min(len(label), 40)])
	if id, ok := bytes.CutPrefix(first, []byte("Session-ID:")); ok && string(label) == "RSA" {
		return k.addSession(id, second)
	}
	slot, known := slotOf(string(label))
	switch {
	case !known:
		if isLabel(name) && two {
			return "" // a label of another tool, or one that opens no records
		}
		return "not a line of a key log (LABEL, client random, secret)"
	case !two:
		return name + ": the line has no secret"
	}
	if len(first) != 2*slot.first {
		return fmt.Sprintf("%s: the identifier has %d hexadecimal digits, %d expected", name, len(first), 2*slot.first)
	}
	if n := len(second); n != 96 && (n != 64 || slot.only48) {
		return fmt.Sprintf("%s: the secret has %d hexadecimal digits, %s expected", name, n, slot.expected())
	}
	var id [32]byte
	var value secret
	_, err := hex.Decode(id[:], first)
	if err == nil {
		var size int
		size, err = hex.Decode(value.b[:], second)
		value.n = uint8(size)
	}
	if err != nil {
		return name + ": not hexadecimal"
	}
	switch slot.kind {
	case slotPremaster:
		if k.premade == nil {
			k.premade = make(map[[8]byte]secret)
		}
		if len(k.premade) < maxSessions {
			k.premade[[8]byte(id[:8])] = value
		}
	case slotLater: // found from the one before
	default:
		s := k.session(id)
		if s == nil {
			return fmt.Sprintf("more than %d sessions: this one is left out", maxSessions)
		}
		if slot.kind == slotMaster {
			s.master = value
		} else {
			s.traffic[slot.dir][slot.epoch-1] = value
		}
	}
	k.version++
	return ""
}

// addSession adds the master secret of a session by its session ID, and returns what is
// wrong with the line.
func (k *Keys) addSession(id, key []byte) (problem string) {
	key, ok := bytes.CutPrefix(key, []byte("Master-Key:"))
	if !ok || len(key) != 2*masterSize || len(id) == 0 || len(id) > 64 {
		return "RSA Session-ID: not followed by a session ID of at most 64 and a Master-Key of 96 hexadecimal digits"
	}
	session := make([]byte, hex.DecodedLen(len(id)))
	var value secret
	if _, err := hex.Decode(session, id); err != nil {
		return "RSA Session-ID: not hexadecimal"
	}
	n, err := hex.Decode(value.b[:], key)
	if err != nil {
		return "RSA Session-ID: not hexadecimal"
	}
	value.n = uint8(n)
	if k.bySession == nil {
		k.bySession = make(map[string]secret)
	}
	if len(k.bySession) < maxSessions {
		k.bySession[string(session)] = value
	}
	k.version++
	return ""
}

// WriteLog writes secrets as lines of a key log and returns of how many
// sessions: those that belong to a connection that was seen, or all. Master
// secrets that were found by an RSA key or by resumption are among them.
func (k *Keys) WriteLog(w io.Writer, all bool) (sessions int, err error) {
	var text []byte
	defer func() { clear(text[:cap(text)]) }()
	for _, s := range k.order {
		if !s.used && !all {
			continue
		}
		text = text[:0]
		line := func(label string, value []byte) {
			if len(value) > 0 {
				text = fmt.Appendf(text, "%s %x %x\n", label, s.random, value)
			}
		}
		line("CLIENT_RANDOM", s.master.bytes())
		line("CLIENT_EARLY_TRAFFIC_SECRET", s.traffic[0][inEarly-1].bytes())
		for dir, side := range [...]string{"CLIENT", "SERVER"} {
			line(side+"_HANDSHAKE_TRAFFIC_SECRET", s.traffic[dir][inHandshake-1].bytes())
			line(side+"_TRAFFIC_SECRET_0", s.traffic[dir][inData-1].bytes())
		}
		if len(text) == 0 {
			continue
		}
		sessions++
		if _, err := w.Write(text); err != nil {
			return sessions, err
		}
	}
	return sessions, nil
}

// HasLine reports whether text, such as a comment in a capture, holds a line of
// a key log.
func HasLine(text []byte) bool {
	if !bytes.Contains(text, []byte("CLIENT_")) && !bytes.Contains(text, []byte("SERVER_")) && !bytes.Contains(text, []byte("RSA ")) {
		return false
	}
	var k Keys
	for row := range bytes.Lines(text) {
		if row = bytes.TrimSpace(row); len(row) > 0 && row[0] != '#' && k.addLine(row) == "" && k.version > 0 {
			return true
		}
	}
	return false
}

type slotKind uint8

const (
	slotTraffic slotKind = iota
	slotMaster
	slotPremaster
	slotLater
)

// slot is where a label's secret belongs.
type slot struct {
	kind   slotKind
	dir    uint8
	epoch  epoch
	first  int // bytes of the identifier
	only48 bool
}

func (s slot) expected() string {
	if s.only48 {
		return "96"
	}
	return "64 or 96"
}

func slotOf(label string) (s slot, known bool) {
	s.first = 32
	switch label {
	case "CLIENT_RANDOM":
		s.kind, s.only48 = slotMaster, true
		return s, true
	case "RSA":
		s.kind, s.only48, s.first = slotPremaster, true, 8
		return s, true
	}
	side, rest, ok := strings.Cut(label, "_")
	switch {
	case !ok || side != "CLIENT" && side != "SERVER":
		return s, false
	case side == "SERVER":
		s.dir = 1
	}
	switch rest {
	case "EARLY_TRAFFIC_SECRET":
		s.epoch = inEarly
		return s, side == "CLIENT"
	case "HANDSHAKE_TRAFFIC_SECRET":
		s.epoch = inHandshake
		return s, true
	case "TRAFFIC_SECRET_0":
		s.epoch = inData
		return s, true
	}
	number, ok := strings.CutPrefix(rest, "TRAFFIC_SECRET_")
	s.kind = slotLater
	return s, ok && number != "" && strings.Trim(number, "0123456789") == ""
}

func isLabel(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
