package timeline

// Other is a transport that carried no WebSocket. It is emitted when it ends, so that
// users see where their traffic went. A Sink borrows it.
type Other struct {
	Transport *Transport
	Kind      string // "tls", "http", "http2", "ssh", "other"
	TCP       TCPEnd
	Ended     Stamp

	// HTTP: the first request, and what was used in place of a WebSocket.
	Host, Path string
	Requests   uint64
	Fallback   string // "sse", "long-polling", "engine.io", "" for none
	SessionID  string // of Engine.IO

	// TLS: what is not encrypted.
	ServerName string
	ALPN       string
	Version    string
	Cipher     string
	Names      []string // of the certificate (TLS 1.2 and older); borrowed
	Reason     string   // why it cannot be decrypted
	Idle       bool     // the client sent no application data, so keys would show nothing more
	Guess      bool     // times and sizes look like those of a WebSocket
}
