package stats

import (
	"fmt"
	"testing"
	"time"

	"github.com/wsdump/wsdump/timeline"
)

// marked notes what Answers says of each message.
type marked struct {
	timeline.Nop
	said []string
}

func (m *marked) Message(x *timeline.Message) {
	m.said = append(m.said, fmt.Sprintf("%d:%d:%s", x.N, x.Answers, x.Took))
}

func TestAnswers(t *testing.T) {
	out := &marked{}
	a := NewAnswers(out, func(dst []byte, m *timeline.Message) ([]byte, bool) {
		return append(dst, m.Payload...), len(m.Payload) > 0
	})
	one, two := &timeline.Conn{ID: 1}, &timeline.Conn{ID: 2}
	const send, receive = timeline.ClientToServer, timeline.ServerToClient
	for _, m := range []struct {
		conn *timeline.Conn
		dir  timeline.Direction
		n    uint64
		ms   int64
		key  string
		want string
	}{
		{one, send, 1, 0, "a", "1:0:0s"},
		{one, send, 2, 1, "b", "2:0:0s"},
		{two, receive, 1, 2, "a", "1:0:0s"}, // another connection: a request
		{one, receive, 3, 5, "b", "3:2:4ms"},
		{one, receive, 4, 6, "", "4:0:0s"},
		{one, receive, 5, 9, "a", "5:1:9ms"},
		{one, receive, 6, 10, "a", "6:0:0s"}, // one more answer
		{two, send, 2, 12, "a", "2:1:10ms"},
		{one, send, 7, 20, "a", "7:0:0s"}, // the key once more
		{one, receive, 8, 21, "a", "8:7:1ms"},
	} {
		at := timeline.Stamp{Packet: m.n, Time: m.ms * int64(time.Millisecond)}
		given := timeline.Message{Conn: m.conn, Dir: m.dir, N: m.n, First: at, Last: at, Payload: []byte(m.key)}
		a.Message(&given)
		if got := out.said[len(out.said)-1]; got != m.want {
			t.Errorf("message %d of %d: %s, want %s", m.n, m.conn.ID, got, m.want)
		}
		if given.Answers != 0 {
			t.Error("what was given was changed")
		}
	}
}
