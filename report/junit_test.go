package report

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/check"
	"github.com/wsdump/wsdump/timeline"
)

// TestJUnit: it is XML whatever the payload holds, and keeps failures and
// errors apart.
func TestJUnit(t *testing.T) {
	var checks []*check.Check
	for _, text := range []string{`message none: length > 0`, `message some: length > 0`, `message some: text == "<x>&\u0000"`} {
		c, err := check.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		checks = append(checks, c)
	}
	judge := check.NewJudge(checks)
	c := &timeline.Conn{ID: 1, Midstream: true}
	judge.Open(c)
	judge.Message(&timeline.Message{
		Conn: c, N: 1, Kind: timeline.OpText, Text: true, HasPayload: true, HasLength: true, Length: 9, Payload: []byte("]]><a>&\x00\x1b\ufffe"),
	})
	judge.Done(&timeline.Totals{})
	for _, tolerant := range []bool{false, true} {
		var out bytes.Buffer
		if err := WriteJUnit(&out, judge.Results(), tolerant); err != nil {
			t.Fatal(err)
		}
		var back junitSuites
		if err := xml.Unmarshal(out.Bytes(), &back); err != nil {
			t.Fatalf("%v in\n%s", err, out.String())
		}
		cases := back.Suite.Cases
		if len(cases) != 3 || back.Failures != 1 || cases[0].Failure == nil || cases[1].Failure != nil || cases[1].Error != nil {
			t.Fatalf("%s", out.String())
		}
		if tolerant != (cases[2].Skipped != nil) || tolerant == (cases[2].Error != nil) || tolerant == (back.Errors == 1) {
			t.Errorf("inconclusive, tolerant %v:\n%s", tolerant, out.String())
		}
		if !strings.Contains(cases[0].Failure.Text, `]]><a>&`) {
			t.Errorf("the row is not there:\n%s", out.String())
		}
	}
}
