package scenario

import (
	"bytes"

	"github.com/wsdump/wsdump/timeline"
)

// BehindHandshake returns what a capture holds that begins behind the response with
// status 101, the whole head of which is in one step; nil when there is none.
func (s *Scenario) BehindHandshake() *Scenario {
	for i, step := range s.Steps {
		head := bytes.Index(step.Bytes, []byte("\r\n\r\n"))
		if step.Dir != timeline.ServerToClient || !bytes.HasPrefix(step.Bytes, []byte("HTTP/1.1 101")) || head < 0 {
			continue
		}
		cut := &Scenario{Name: s.Name + ", behind the handshake", Midstream: true}
		step.Bytes = step.Bytes[head+4:]
		cut.Steps = append(cut.Steps, step)
		if len(step.Bytes) == 0 && !step.FIN {
			cut.Steps = nil
		}
		cut.Steps = append(cut.Steps, s.Steps[i+1:]...)
		return cut
	}
	return nil
}

// OneDirection returns what a capture holds that misses all data of the other side.
func (s *Scenario) OneDirection(of timeline.Direction) *Scenario {
	one := &Scenario{Name: s.Name + ", " + of.Sender().String() + " only", Midstream: s.Midstream}
	for _, step := range s.Steps {
		step.Lost = step.Lost || step.Dir != of
		one.Steps = append(one.Steps, step)
	}
	return one
}
