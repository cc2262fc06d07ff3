package query

import "github.com/wsdump/wsdump/timeline"

// This file has the getters for all other keys of rows. A key that the type of the row
// does not have is absent.

func getType(r *Row) value {
	if r.kind == rowAny {
		return unknown
	}
	return some(rowWords[r.kind])
}

func getConn(r *Row) value {
	if r.conn == nil {
		return absent
	}
	return count(r.conn.ID)
}

// stamp makes a getter that reads from the first stamp of the row.
func stamp(get func(*Row, timeline.Stamp) value) getter {
	return func(r *Row) value {
		switch {
		case r.kind == rowAny:
			return unknown
		case r.at.IsZero():
			return absent
		}
		return get(r, r.at)
	}
}

// ending makes a getter that reads from the last stamp of messages and frames.
func ending(get func(*Row, timeline.Stamp) value) getter {
	return func(r *Row) value {
		switch r.kind {
		case rowAny:
			return unknown
		case rowMessage:
			return get(r, r.message.Last)
		case rowFrame:
			return get(r, r.frame.Last)
		}
		return absent
	}
}

func seconds(r *Row, at timeline.Stamp) value {
	if !r.hasZero {
		return absent
	}
	return number(float64(at.Time-r.zero) / 1e9)
}

func timeOf(_ *Row, at timeline.Stamp) value   { return instant(at.Time) }
func packetOf(_ *Row, at timeline.Stamp) value { return count(at.Packet) }

func fileOf(r *Row, at timeline.Stamp) value {
	if len(r.Files) < 2 || int(at.File) >= len(r.Files) {
		return absent
	}
	return text(r.Files[at.File])
}

func filePacketOf(r *Row, at timeline.Stamp) value {
	if len(r.Files) < 2 {
		return absent
	}
	return count(at.FilePacket)
}

// onMessage, onFrame, onFinding and onData make getters for keys that only some types
// of rows have.
func onMessage(get func(*timeline.Message) value) getter {
	return func(r *Row) value {
		switch r.kind {
		case rowAny:
			return unknown
		case rowMessage:
			return get(r.message)
		}
		return absent
	}
}

func onFrame(get func(*timeline.Frame) value) getter {
	return func(r *Row) value {
		switch r.kind {
		case rowAny:
			return unknown
		case rowFrame:
			return get(r.frame)
		}
		return absent
	}
}

func onFinding(get func(*timeline.Finding) value) getter {
	return func(r *Row) value {
		switch r.kind {
		case rowAny:
			return unknown
		case rowFinding:
			return get(r.finding)
		}
		return absent
	}
}

// onData makes a getter for a flag that messages, control and frame rows share.
func onData(message func(*timeline.Message) bool, frame func(*timeline.Frame) bool) getter {
	return func(r *Row) value {
		switch r.kind {
		case rowAny:
			return unknown
		case rowMessage:
			return flag(message(r.message))
		case rowControl, rowFrame:
			return flag(frame(r.frame))
		}
		return absent
	}
}

func getN(r *Row) value {
	n := uint64(0)
	switch r.kind {
	case rowAny:
		return unknown
	case rowMessage:
		n = r.message.N
	case rowControl:
		n = r.frame.N
	case rowFinding:
		n = r.finding.N
	}
	if n == 0 {
		return absent
	}
	return count(n)
}

func getDir(r *Row) value {
	switch r.kind {
	case rowAny:
		return unknown
	case rowMessage:
		return text(r.message.Dir.String())
	case rowControl, rowFrame:
		return text(r.frame.Dir.String())
	case rowFinding:
		if r.finding.HasDir {
			return text(r.finding.Dir.String())
		}
	}
	return absent
}

func getOp(r *Row) value {
	switch r.kind {
	case rowAny:
		return unknown
	case rowControl, rowFrame:
		return text(r.frame.Opcode.String())
	}
	return absent
}

// getLength returns the length. It is a lower bound where bytes of a message are missing,
// for whole frames may be missing, too; and where inflating stopped at a limit.
func getLength(r *Row) value {
	switch r.kind {
	case rowAny:
		return unknown
	case rowMessage:
		m := r.message
		if !m.HasLength {
			return unknown
		}
		return count(m.Length).partly(m.Incomplete || m.Truncated && m.Compressed)
	case rowControl, rowFrame:
		return count(r.frame.Length)
	}
	return absent
}

func wireLength(m *timeline.Message) value { return count(m.WireLength).partly(m.Incomplete) }
func frames(m *timeline.Message) value     { return count(m.Frames).partly(m.Incomplete) }

func getMaskKey(r *Row) value {
	switch {
	case r.kind == rowAny:
		return unknown
	case r.kind != rowFrame || !r.frame.Masked:
		return absent
	}
	const digits = "0123456789abcdef"
	for i, c := range r.frame.MaskKey {
		r.key[2*i], r.key[2*i+1] = digits[c>>4], digits[c&15]
	}
	return rawText(r.key[:])
}

// getCode returns the code of a close frame, or of the close row.
func getCode(r *Row) value {
	switch r.kind {
	case rowControl:
		f := r.frame
		switch {
		case f.Opcode != timeline.OpClose:
			return absent
		case f.CloseCode != 0:
			return count(uint64(f.CloseCode))
		case f.Incomplete && f.Length >= 2:
			return unknown
		}
		return absent
	case rowFrame:
		return absent
	}
	return closeCode(r)
}

var closeCode = closing(func(_ *Row, c *timeline.Conn) value {
	switch {
	case c.CloseCode != 0:
		return count(uint64(c.CloseCode))
	case noCloseFrame(c) && !endSeen(c):
		return unknown
	}
	return absent
})

func getReason(r *Row) value {
	switch r.kind {
	case rowControl:
		f := r.frame
		switch {
		case f.Opcode != timeline.OpClose:
			return absent
		case f.CloseCode != 0:
			return rawText(f.CloseReason).partly(f.Incomplete || f.Truncated)
		case f.Incomplete && f.Length >= 2:
			return unknown
		}
		return absent
	case rowFrame:
		return absent
	}
	return closeReason(r)
}

var closeReason = closing(func(_ *Row, c *timeline.Conn) value {
	switch {
	case c.CloseCode != 0:
		return text(c.CloseText)
	case noCloseFrame(c) && !endSeen(c):
		return unknown
	}
	return absent
})

// getRTT returns the round trip of a pong that answers a ping. Where the ping may be
// missing, that is unknown.
func getRTT(r *Row) value {
	switch {
	case r.kind == rowAny:
		return unknown
	case r.kind != rowControl || r.frame.Opcode != timeline.OpPong:
		return absent
	case r.frame.HasRTT:
		return millis(int64(r.frame.RTT))
	case r.conn != nil && damaged(r.conn):
		return unknown
	}
	return absent
}

func millis(ns int64) value { return number(float64(ns) / 1e6) }

func getOffset(f *timeline.Finding) value {
	if !f.HasOffset {
		return absent
	}
	return count(f.Offset)
}

func getCount(f *timeline.Finding) value {
	if f.Count == 0 {
		return absent
	}
	return count(f.Count)
}

// ofRule makes a getter for a text of a finding's rule.
func ofRule(get func(*timeline.Rule) string) getter {
	return onFinding(func(f *timeline.Finding) value {
		if f.Rule == nil {
			return absent
		}
		return some(get(f.Rule))
	})
}

// getGuessed returns the flag of the row, or that of the connection where the row has
// none.
func getGuessed(r *Row) value {
	switch r.kind {
	case rowAny:
		return unknown
	case rowMessage:
		return flag(r.message.Guessed)
	case rowControl, rowFrame:
		return flag(r.frame.Guessed)
	}
	if r.conn == nil {
		return absent
	}
	return flag(r.conn.Guessed)
}

func replyTo(m *timeline.Message) value {
	if m.Answers == 0 {
		return absent
	}
	return count(m.Answers)
}

func replyTime(m *timeline.Message) value {
	if m.Answers == 0 {
		return absent
	}
	return millis(int64(m.Took))
}
