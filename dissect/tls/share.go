package tls

import "maps"

// Clone returns the same secrets for another goroutine. Neither set hears what
// is added to the other. [Keys.Forget] ends a clone.
func (k *Keys) Clone() *Keys {
	c := &Keys{version: k.version, complete: k.complete, later: k.later, private: k.private[:len(k.private):len(k.private)], resumed: maps.Clone(k.resumed), older: maps.Clone(k.older)}
	c.Add(k, false)
	return c
}

// Add adds what other knows of sessions: of all, or of those that belong to a
// connection that was seen, which are then marked so here, too.
func (k *Keys) Add(other *Keys, used bool) {
	for _, from := range other.order {
		if used && !from.used {
			continue
		}
		if s := k.session(from.random); s != nil {
			was := s.used
			*s = *from
			s.used = was || from.used
		}
	}
	for id, s := range other.premade {
		if used {
			break
		}
		if k.premade == nil {
			k.premade = make(map[[8]byte]secret)
		}
		k.premade[id] = s
	}
	for id, s := range other.bySession {
		if used {
			break
		}
		if k.bySession == nil {
			k.bySession = make(map[string]secret)
		}
		k.bySession[id] = s
	}
	k.version++
}

// Forget is Wipe for a clone: what it shares with others stays.
func (k *Keys) Forget() {
	k.private = nil
	k.Wipe()
}
