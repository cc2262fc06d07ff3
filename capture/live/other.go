//go:build !linux

package live

import (
	"io"

	"github.com/wsdump/wsdump/capture"
)

// Ring captures on Linux only; see [Open].
type Ring struct{}

// Open returns an error that is [ErrUnsupported].
func Open(opt Options) (*Ring, error) {
	return nil, &InterfaceError{Name: opt.Interface, Text: "live capture needs Linux; here wsdump reads what another tool captures", Err: ErrUnsupported}
}

// Permitted returns [ErrUnsupported].
func Permitted() error { return ErrUnsupported }

// Next implements [capture.Source].
func (*Ring) Next(*capture.Packet) error { return io.EOF }

// Close implements [capture.Source].
func (*Ring) Close() error { return nil }

// Stop does nothing here.
func (*Ring) Stop() {}

// Heard does nothing here.
func (*Ring) Heard() int64 { return 0 }

// Stats does nothing here.
func (*Ring) Stats() Stats { return Stats{} }
