package http2

import (
	"fmt"
	"testing"
)

// TestTableLost: entries from before the loss are unknown, those behind it are
// found, though unknown ones lie in between and names are unknown.
func TestTableLost(t *testing.T) {
	w := newWire()
	old := []string{"old-a 1", "old-b 2"}
	w.encode(client, append(old, "cookie c")...)
	lost := table{most: 1000}
	lost.lose()
	for i, tc := range []struct {
		fields  []string
		want    string
		missing bool
	}{
		{[]string{":method GET", "old-a 1", "new x", "old-b changed", "old-b 2"}, "[{:method GET} {new x}]", true},
		{[]string{"new x", "old-a 1", "new y"}, "[{new x} {new y}]", true},
		{[]string{"new y", "new x", "other z"}, "[{new y} {new x} {other z}]", false},
	} {
		if ok := lost.decode(w.encode(client, tc.fields...)); !ok {
			t.Fatalf("block %d cannot be read", i)
		}
		if got := fmt.Sprint(lost.fields); got != tc.want || lost.missing != tc.missing {
			t.Errorf("block %d: %s, missing %v, want %s", i, got, lost.missing, tc.want)
		}
	}
	// More entries than a table of the default size can have.
	w.enc[client].SetMaxDynamicTableSizeLimit(64 << 10)
	w.enc[client].SetMaxDynamicTableSize(64 << 10)
	for i := range 500 {
		w.encode(client, fmt.Sprintf("h-%d v", i))
	}
	lost.lose()
	if ok := lost.decode(w.encode(client, "h-3 v", "fresh a", "h-490 v")); !ok || fmt.Sprint(lost.fields) != "[{fresh a}]" {
		t.Errorf("a large table: %v", lost.fields)
	}
}
