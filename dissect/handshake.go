package dissect

import (
	"crypto/sha1"
	"encoding/base64"
	"net/netip"
	"net/url"
	"strings"

	"github.com/wsdump/wsdump/dissect/ws"
	"github.com/wsdump/wsdump/timeline"
)

// acceptGUID is the constant of RFC 6455 1.3.
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// acceptFor returns the Sec-WebSocket-Accept that answers key.
func acceptFor(key string) string {
	accept := acceptBytes(key)
	return string(accept[:])
}

// accepts reports whether accept answers key.
func accepts(accept, key string) bool {
	want := acceptBytes(key)
	return accept == string(want[:])
}

func acceptBytes(key string) (accept [28]byte) {
	var room [24 + len(acceptGUID)]byte // a key that is well made has 24 characters
	sum := sha1.Sum(append(append(room[:0], key...), acceptGUID...))
	base64.StdEncoding.Encode(accept[:], sum[:])
	return accept
}

// Understand fills in the fields of h that follow from its messages: the parts of
// its URL, what was offered and agreed on. secure reports that TLS is below.
func Understand(h *timeline.Handshake, secure bool) {
	h.Scheme = "ws"
	if secure {
		h.Scheme = "wss"
	}
	host, ok := timeline.Get(h.RequestHeaders, ":authority")
	if !ok {
		host, _ = timeline.Get(h.RequestHeaders, "Host")
	}
	target := h.Target
	if _, rest, ok := strings.Cut(target, "://"); ok && !strings.HasPrefix(target, "/") {
		// absolute-form (RFC 9112 3.2.2): it overrides Host
		i := strings.IndexAny(rest, "/?")
		if i < 0 {
			i = len(rest)
		}
		host, target = rest[:i], rest[i:]
		if !strings.HasPrefix(target, "/") {
			target = "/" + target
		}
	}
	h.Host, h.Port = splitHost(host)
	target, _, _ = strings.Cut(target, "#")
	h.Path, h.Query, _ = strings.Cut(target, "?")
	if strings.Contains(h.Query, "websocket") { // else parsing is in vain
		if q, err := url.ParseQuery(h.Query); err == nil && q.Get("transport") == "websocket" {
			h.EngineIO, h.EngineIOSession = q.Get("EIO"), q.Get("sid")
		}
	}
	h.Origin, _ = timeline.Get(h.RequestHeaders, "Origin")
	h.UserAgent, _ = timeline.Get(h.RequestHeaders, "User-Agent")
	h.Key, _ = timeline.Get(h.RequestHeaders, "Sec-WebSocket-Key")
	h.Accept, _ = timeline.Get(h.ResponseHeaders, "Sec-WebSocket-Accept")
	h.SubprotocolsOffered = list(h.RequestHeaders, "Sec-WebSocket-Protocol")
	if chosen := list(h.ResponseHeaders, "Sec-WebSocket-Protocol"); len(chosen) > 0 {
		h.Subprotocol = chosen[0]
	}
	h.ExtensionsOffered = extensions(h.RequestHeaders)
	h.Extensions = extensions(h.ResponseHeaders)
	h.Verdict = timeline.AcceptUnchecked
	if h.Status == 101 && h.Method != "" {
		switch {
		case h.Accept == "":
			h.Verdict = timeline.AcceptMissing
		case h.Key == "":
		case accepts(h.Accept, h.Key):
			h.Verdict = timeline.AcceptOK
		default:
			h.Verdict = timeline.AcceptWrong
		}
	}
}

// splitHost cuts the port off; brackets of IPv6 stay with the host.
func splitHost(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.LastIndexByte(s, ']') > i {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// list returns the items of all fields of that name.
func list(headers []timeline.Header, name string) (items []string) {
	for i := range headers {
		if headers[i].Is(name) {
			for item := range strings.SplitSeq(headers[i].Value, ",") {
				if item = strings.TrimSpace(item); item != "" {
					items = append(items, item)
				}
			}
		}
	}
	return items
}

// lists reports whether the fields of that name have an item, in any case.
func lists(headers []timeline.Header, name, want string) bool {
	for i := range headers {
		if headers[i].Is(name) {
			if strings.EqualFold(headers[i].Value, want) {
				return true
			}
			for item := range strings.SplitSeq(headers[i].Value, ",") {
				if strings.EqualFold(strings.TrimSpace(item), want) {
					return true
				}
			}
		}
	}
	return false
}

// extensions reads Sec-WebSocket-Extensions (RFC 6455 9.1), quoted values too.
func extensions(headers []timeline.Header) (all []timeline.Extension) {
	for i := range headers {
		if !headers[i].Is("Sec-WebSocket-Extensions") {
			continue
		}
		for _, item := range splitQuoted(headers[i].Value, ',') {
			parts := splitQuoted(item, ';')
			if parts[0] == "" {
				continue
			}
			e := timeline.Extension{Name: strings.ToLower(parts[0])}
			for _, p := range parts[1:] {
				name, value, has := strings.Cut(p, "=")
				e.Params = append(e.Params, timeline.Param{Name: strings.ToLower(strings.TrimSpace(name)), Value: unquote(strings.TrimSpace(value)), HasValue: has})
			}
			all = append(all, e)
		}
	}
	return all
}

// splitQuoted splits at sep outside quotes and trims the parts.
func splitQuoted(s string, sep byte) (parts []string) {
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(parts, strings.TrimSpace(s[start:]))
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// judge returns what is wrong with a handshake. server is where it went.
func judge(h *timeline.Handshake, server netip.Addr) (all []timeline.Finding) {
	http1 := strings.HasPrefix(h.HTTPVersion, "1") || strings.HasPrefix(h.HTTPVersion, "0")
	report := func(r *timeline.Rule, dir timeline.Direction, got, want string) {
		at := h.Request
		if dir == timeline.ServerToClient {
			at = h.Response
		}
		all = append(all, timeline.Finding{Rule: r, Dir: dir, HasDir: true, At: at, Got: got, Want: want})
	}
	const request, response = timeline.ClientToServer, timeline.ServerToClient
	if draft := draftOf(h); draft != "" {
		report(ruleDraft, request, draft, "Sec-WebSocket-Version: 13")
		if h.Accepted() {
			return all
		}
		http1 = false
	}
	if h.Method != "" {
		if http1 {
			judgeUpgrade(h, report)
		}
		if h.Host == "" {
			report(ruleHostMissing, request, "", "Host")
		}
	}
	switch {
	case h.Status == 0:
		return all
	case !h.Accepted():
		version, _ := timeline.Get(h.ResponseHeaders, "Sec-WebSocket-Version")
		if version != "" {
			version = "Sec-WebSocket-Version: " + version
		}
		report(ruleRefused, response, strings.TrimSpace(itoa(h.Status)+" "+h.Reason), version)
		return all
	}
	if http1 {
		if h.Method != "" && h.Response.Packet < h.Request.Packet {
			report(ruleEarlyResponse, response, "101", "")
		}
		if h.Method != "" {
			judgeAccept(h, report)
		}
		if got := framing(h.ResponseHeaders); got != "" {
			report(ruleResponseBody, response, got, "none of Transfer-Encoding and Content-Length")
		}
	}
	if chosen := list(h.ResponseHeaders, "Sec-WebSocket-Protocol"); len(chosen) > 0 && h.Method != "" {
		offered := "none: nothing was offered"
		switch n := len(h.SubprotocolsOffered); {
		case n == 1:
			offered = h.SubprotocolsOffered[0]
		case n > 1:
			offered = "one of " + strings.Join(h.SubprotocolsOffered, ", ")
		}
		if len(chosen) > 1 || !contains(h.SubprotocolsOffered, chosen[0]) {
			report(ruleSubprotocol, response, strings.Join(chosen, ", "), offered)
		}
	} else if len(h.SubprotocolsOffered) > 0 {
		report(ruleSubprotocolNone, response, "none", "one of "+strings.Join(h.SubprotocolsOffered, ", "))
	}
	if h.Method != "" {
		judgeExtensions(h, report)
	}
	if names := ws.UnknownExtensions(h); len(names) > 0 {
		report(ruleExtensionUnknown, response, strings.Join(names, ", "), "")
	}
	if h.Origin != "" {
		if u, err := url.Parse(h.Origin); err == nil && u.Host != "" && !strings.EqualFold(u.Hostname(), strings.Trim(h.Host, "[]")) && h.Host != "" {
			report(ruleOriginCross, request, h.Origin, h.Host)
		}
	}
	if h.Scheme == "ws" && public(server) {
		if what := credentials(h); what != "" {
			report(ruleCleartext, request, what, "wss://")
		}
	}
	return all
}

func judgeUpgrade(h *timeline.Handshake, report func(*timeline.Rule, timeline.Direction, string, string)) {
	const request = timeline.ClientToServer
	if h.Method != "GET" {
		report(ruleUpgradeHeader, request, h.Method, "GET")
	}
	if h.HTTPVersion < "1.1" {
		report(ruleUpgradeHeader, request, "HTTP/"+h.HTTPVersion, "HTTP/1.1")
	}
	judgeUpgradeHeaders(h.RequestHeaders, request, report)
	keys := timeline.CountHeaders(h.RequestHeaders, "Sec-WebSocket-Key")
	if got := framing(h.RequestHeaders); got != "" {
		report(ruleRequestBody, request, got, "no body")
	}
	judgeEmptyExtensions(h.RequestHeaders, request, report)
	switch {
	case keys == 0:
		report(ruleKeyInvalid, request, "none", "16 bytes in base64")
	case keys > 1:
		report(ruleKeyInvalid, request, itoa(keys)+" of them", "one")
	case !isKey(h.Key):
		report(ruleKeyInvalid, request, h.Key, "16 bytes in base64")
	}
	if v, ok := timeline.Get(h.RequestHeaders, "Sec-WebSocket-Version"); !ok || v != "13" {
		if !ok {
			v = "none"
		}
		report(ruleVersion, request, v, "13")
	}
}

// judgeEmptyExtensions reports a Sec-WebSocket-Extensions that names none.
func judgeEmptyExtensions(headers []timeline.Header, dir timeline.Direction, report func(*timeline.Rule, timeline.Direction, string, string)) {
	if timeline.CountHeaders(headers, "Sec-WebSocket-Extensions") > 0 && len(extensions(headers)) == 0 {
		report(ruleExtensionEmpty, dir, "Sec-WebSocket-Extensions without a value", "one extension, or no such header")
	}
}

// framing returns the header by which a message announces a body, "" for none.
func framing(headers []timeline.Header) string {
	if v, ok := timeline.Get(headers, "Transfer-Encoding"); ok {
		return "Transfer-Encoding: " + v
	}
	if v, ok := timeline.Get(headers, "Content-Length"); ok && v != "0" {
		return "Content-Length: " + v
	}
	return ""
}

// draftOf names the draft of before RFC 6455 whose framing is another one, by what only
// its messages have; "" for none.
func draftOf(h *timeline.Handshake) string {
	if timeline.CountHeaders(h.RequestHeaders, "Sec-WebSocket-Key1") > 0 {
		return "hixie-76 (Sec-WebSocket-Key1)"
	}
	if h.Status == 101 && timeline.CountHeaders(h.ResponseHeaders, "Sec-WebSocket-Accept") == 0 {
		for _, name := range [...]string{"Sec-WebSocket-Location", "WebSocket-Location"} {
			if timeline.CountHeaders(h.ResponseHeaders, name) > 0 {
				return "hixie-75 or hixie-76 (" + name + ")"
			}
		}
	}
	return ""
}

// isKey reports whether a Sec-WebSocket-Key is well made: 16 bytes in base64.
func isKey(key string) bool {
	var raw [18]byte
	if len(key) != 24 {
		return false
	}
	n, err := base64.StdEncoding.Decode(raw[:], []byte(key))
	return err == nil && n == 16
}

func judgeUpgradeHeaders(headers []timeline.Header, dir timeline.Direction, report func(*timeline.Rule, timeline.Direction, string, string)) {
	for _, want := range [...][2]string{{"Upgrade", "websocket"}, {"Connection", "upgrade"}} {
		if !lists(headers, want[0], want[1]) {
			got := "no " + want[0]
			if items := list(headers, want[0]); len(items) > 0 {
				got = want[0] + ": " + strings.Join(items, ", ")
			}
			report(ruleUpgradeHeader, dir, got, want[0]+": "+want[1])
		}
	}
}

func judgeAccept(h *timeline.Handshake, report func(*timeline.Rule, timeline.Direction, string, string)) {
	const response = timeline.ServerToClient
	judgeUpgradeHeaders(h.ResponseHeaders, response, report)
	judgeEmptyExtensions(h.ResponseHeaders, response, report)
	switch n := timeline.CountHeaders(h.ResponseHeaders, "Sec-WebSocket-Accept"); {
	case n == 0:
		report(ruleAcceptWrong, response, "none", acceptFor(h.Key))
	case n > 1:
		report(ruleAcceptWrong, response, itoa(n)+" of them", "one")
	case h.Verdict == timeline.AcceptWrong:
		report(ruleAcceptWrong, response, h.Accept, acceptFor(h.Key))
	}
}

// judgeExtensions holds the response to the offer. The window of the server
// may be narrowed without being asked (RFC 7692 7.1.2.1), and both context
// takeovers may be dropped; the client's window only when the client offered that.
func judgeExtensions(h *timeline.Handshake, report func(*timeline.Rule, timeline.Direction, string, string)) {
	for _, e := range h.Extensions {
		offered, canNarrow := false, false
		for _, o := range h.ExtensionsOffered {
			if o.Name == e.Name {
				offered = true
				for _, p := range o.Params {
					canNarrow = canNarrow || p.Name == "client_max_window_bits"
				}
			}
		}
		if !offered {
			report(ruleExtension, timeline.ServerToClient, e.String(), "one of the offered")
			continue
		}
		if e.Name != "permessage-deflate" {
			continue
		}
		for _, p := range e.Params {
			if p.Name == "client_max_window_bits" && !canNarrow {
				report(ruleExtension, timeline.ServerToClient, p.Name, "only when the client offered it")
			}
		}
	}
}

// credentials names what in a request authenticates the client, or "".
func credentials(h *timeline.Handshake) string {
	for _, name := range [...]string{"Authorization", "Cookie"} {
		if timeline.CountHeaders(h.RequestHeaders, name) > 0 {
			return name
		}
	}
	for pair := range strings.SplitSeq(h.Query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		switch strings.ToLower(name) {
		case "token", "access_token", "auth", "auth_token", "api_key", "apikey", "jwt", "session", "sid", "password":
			return "query parameter " + name
		}
	}
	return ""
}

// public reports whether everybody may be on the way to a.
func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !carrierGrade.Contains(a)
}

// carrierGrade is the shared address space of RFC 6598.
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

func contains(items []string, s string) bool {
	for _, item := range items {
		if item == s {
			return true
		}
	}
	return false
}
