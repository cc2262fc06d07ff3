package pipeline_test

import (
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestFormats: in every format, on every link, through every tunnel and in
// fragments, the conversation is the same one.
func TestFormats(t *testing.T) {
	rows := func(w *watcher) (all []string) {
		for _, c := range w.conns {
			for _, e := range c.events {
				all = append(all, e.Dir+" "+e.words(true))
			}
		}
		return all
	}
	chat, chat6 := rows(watch(t, fixtures+"chat.pcap")), rows(watch(t, fixtures+"ipv6.pcapng"))
	if len(chat) != 16 || len(chat6) != len(chat) {
		t.Fatalf("%d and %d rows", len(chat), len(chat6))
	}
	// What these leave out is in their goldens and the findings in the README.
	lossy := map[string]bool{"fragments-overlap.pcap": true, "editcap-snaplen.pcap": true}
	files, err := filepath.Glob(formats + "*.pcap*")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d captures: %v", len(files), err)
	}
	files = append(files, damaged+"damaged.pcap", damaged+"damaged.pcapng") // what was lost is an acknowledgement
	for _, file := range files {
		name := filepath.Base(file)
		if lossy[name] {
			continue
		}
		w := watch(t, file)
		want := chat
		if name == "mergecap-links.pcapng" {
			want = append(append([]string(nil), chat...), rows(watch(t, fixtures+"raw.pcap"))...)
		} else if len(w.conns) > 0 && strings.Contains(w.conns[0].conn.Client.String(), "]") {
			want = chat6
		}
		if diff := gocmp.Diff(want, rows(w)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
