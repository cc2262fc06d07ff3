package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/input"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/flagvalue"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/report"
)

const interfacesExamples = `  wsdump interfaces
  wsdump interfaces -T ndjson | jq -r 'select(.up) | .name'`

// interfacesCommand lists the network interfaces.
type interfacesCommand struct{ format flagvalue.Choice }

func (c *interfacesCommand) register(f *pflag.FlagSet) {
	c.format = flagvalue.NewChoice("table", "table", "ndjson")
	f.VarP(&c.format, "format", "T", "output `NAME`: table or ndjson")
}

func (c *interfacesCommand) run(_ context.Context, _ io.Reader, stdout, stderr io.Writer) int {
	words := console.New(stderr)
	all, err := live.Interfaces()
	if err != nil {
		return fail(words, err)
	}
	permitted := live.Permitted()
	var rows []report.Interface
	for _, i := range all {
		rows = append(rows, report.Interface{Name: i.Name, Up: i.Up, Running: i.Running, Loopback: i.Loopback, MTU: i.MTU, Addresses: i.Addresses, Capture: permitted == nil && i.Up})
	}
	print := map[string]func(io.Writer, []report.Interface) error{"table": report.Interfaces, "ndjson": report.InterfacesNDJSON}[c.format.Value]
	if err := print(stdout, rows); err != nil {
		return fail(words, &outfile.Error{Name: "standard output", Err: err})
	}
	switch {
	case errors.Is(permitted, live.ErrUnsupported):
		words.Say("capturing needs Linux; here wsdump reads what another tool captures")
		words.Hint(input.InterfaceAdvice(&live.InterfaceError{Name: "en0", Err: permitted}))
	case permitted != nil:
		words.Say("this user may not capture")
		words.Hint(input.InterfaceAdvice(&live.InterfaceError{Err: permitted}))
	default:
		words.Say("this user may capture on interfaces that are up, and on any (all interfaces)")
	}
	return exitOK
}
