package statistics

import (
	"strings"
	"testing"
	"time"

	"github.com/wsdump/wsdump/report"
	"github.com/wsdump/wsdump/stats"
)

// TestInterval: a line for each stretch, and the head above the first.
func TestInterval(t *testing.T) {
	i := &Interval{
		At: time.Date(2026, 3, 7, 15, 4, 5, 0, time.UTC), Length: 2 * time.Second, Open: 3, Opened: 2, Closed: 1, Messages: [2]uint64{5, 400},
		Bytes: [2]uint64{10, 1 << 21}, Findings: [3]uint64{}, Packets: 1000, Dropped: 4,
	}
	var table, ndjson strings.Builder
	s := NewText(&table, report.Options{}, stats.Options{})
	s.Interval(i)
	s.Interval(i)
	if got := strings.Split(table.String(), "\n"); len(got) != 4 || !strings.HasPrefix(got[0], "TIME ") || len(got[1]) > len(got[0])+1 ||
		strings.Join(strings.Fields(got[1]), " ") != "15:04:05 3 2 1 2.5 5B 200 1.0MiB 0 0 0 500 4" {
		t.Errorf("%q", got)
	}
	NewNDJSON(&ndjson, report.Options{}, stats.Options{}).Interval(i)
	if got := ndjson.String(); !strings.Contains(got, `{"type":"stat_interval","time":"2026-03-07T15:04:05.000000000Z","length_ms":2000,"open":3,"opened":2,"closed":1,"sent_messages":5,"received_messages":400,"sent_bytes":10,"received_bytes":2097152,"errors":0,"warnings":0,"notes":0,"packets":1000,"dropped":4}`) {
		t.Errorf("%s", got)
	}
}
