package timeline

// Other is a transport that carried no WebSocket. It is told when it ends, so
// that nobody wonders where their traffic is. It is borrowed by the Sink.
type Other struct {
	Transport *Transport
	Kind      string // "tls", "http", "http2", "ssh", "other"
	TCP       TCPEnd
	Ended     Stamp

	// HTTP: the first request, and what stood in for a WebSocket.
	Host, Path string
	Requests   uint64
	Fallback   string // "sse", "long-polling", "engine.io", "" for none
	SessionID  string // of Engine.IO

	// TLS, as far as it is in the clear.
	ServerName string
	ALPN       string
	Version    string
	Cipher     string
	Names      []string // of the certificate (TLS 1.2 and older)
	Reason     string   // why it cannot be decrypted
	Idle       bool     // the client sent no application data: nothing is missed for want of keys
	Guess      bool     // it behaves like a WebSocket; a guess, by times and sizes
}
