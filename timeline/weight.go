package timeline

// Weighed is a Stream that estimates how many bytes of memory it and the layers
// above it hold. Bytes that the layers keep count in full; the layers themselves
// count by their usual size. The layer below asks now and then, to bound what all
// connections hold together.
type Weighed interface{ Weight() int }

// Weight returns the weight of s, 0 when s is not Weighed.
func Weight(s Stream) int {
	if w, ok := s.(Weighed); ok {
		return w.Weight()
	}
	return 0
}

// Weight returns how many bytes of memory are in use.
func (b *Backlog) Weight() int { return cap(b.bytes) + cap(b.events)*eventSize }

// Weight returns about how many bytes c takes, together with its handshake.
func (c *Conn) Weight() int {
	n := connWeight
	if h := c.Handshake; h != nil {
		n += handshakeWeight + fieldsWeight(h.RequestHeaders) + fieldsWeight(h.ResponseHeaders)
	}
	return n
}

// How many bytes a Conn with its findings and a Handshake take, without what they
// point to.
const (
	connWeight      = 600
	handshakeWeight = 500
)

func fieldsWeight(headers []Header) (n int) {
	for i := range headers {
		n += 32 + len(headers[i].Name) + len(headers[i].Value)
	}
	return n
}
