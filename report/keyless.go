package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wsdump/wsdump/timeline"
)

// Keyless is a sink that counts the servers whose TLS could not be read for want of
// keys. The zero value has counted none.
type Keyless struct {
	timeline.Nop
	peers map[string]int // connections by name
}

// Needs implements [timeline.Sink]: no message is needed.
func (k *Keyless) Needs(*timeline.Conn) timeline.Needs { return timeline.Needs{Silent: true} }

// maxPeers bounds the peers that are remembered.
const maxPeers = 1000

// Other implements [timeline.Sink].
func (k *Keyless) Other(o *timeline.Other) {
	if o.Kind != "tls" || o.Idle {
		return
	}
	name := o.Transport.Server.String()
	if o.ServerName != "" {
		name = o.ServerName + " (" + name + ")"
	}
	if k.peers == nil {
		k.peers = make(map[string]int)
	}
	if _, known := k.peers[name]; known || len(k.peers) < maxPeers {
		k.peers[name]++
	}
}

// Summary lists the servers with the most connections; "" for none.
func (k *Keyless) Summary() string {
	names := slices.SortedFunc(maps.Keys(k.peers), func(a, b string) int {
		return cmp.Or(k.peers[b]-k.peers[a], cmp.Compare(a, b))
	})
	shown := min(len(names), 10)
	var texts []string
	for _, name := range names[:shown] {
		text := fmt.Sprintf("%s: %d connection", name, k.peers[name])
		if k.peers[name] != 1 {
			text += "s"
		}
		texts = append(texts, text)
	}
	list := strings.Join(texts, ", ")
	if len(names) > shown {
		list += fmt.Sprintf(" and %d more", len(names)-shown)
	}
	return list
}
