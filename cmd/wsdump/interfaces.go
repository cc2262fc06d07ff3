package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture/live"
	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/internal/outfile"
	"github.com/wsdump/wsdump/internal/terminal"
)

const interfacesExamples = `  wsdump interfaces
  wsdump interfaces -T ndjson | jq -r 'select(.up) | .name'`

// interfacesCommand lists the network interfaces.
type interfacesCommand struct{ format choice }

func (c *interfacesCommand) register(f *pflag.FlagSet) {
	c.format = choice{words: []string{"table", "ndjson"}, value: "table"}
	f.VarP(&c.format, "format", "T", "output `NAME`: table or ndjson")
}

// interfaceRow is a line of -T ndjson.
type interfaceRow struct {
	Type      string   `json:"type"`
	Name      string   `json:"name"`
	Up        bool     `json:"up"`
	Running   bool     `json:"running"`
	Loopback  bool     `json:"loopback"`
	MTU       int      `json:"mtu"`
	Addresses []string `json:"addresses"`
	Capture   bool     `json:"capture"`
}

func (c *interfacesCommand) run(_ context.Context, _ io.Reader, stdout, stderr io.Writer) int {
	words := console.New(stderr)
	all, err := live.Interfaces()
	if err != nil {
		return fail(words, err)
	}
	permitted := live.Permitted()
	out := bufio.NewWriter(stdout)
	if c.format.value == "ndjson" {
		enc := json.NewEncoder(out)
		for _, i := range all {
			row := interfaceRow{"interface", i.Name, i.Up, i.Running, i.Loopback, i.MTU, []string{}, permitted == nil && i.Up}
			for _, a := range i.Addresses {
				row.Addresses = append(row.Addresses, a.String())
			}
			_ = enc.Encode(row) // its error stays in out
		}
	} else {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprint(table, "NAME\tSTATE\tMTU\tADDRESSES\n")
		for _, i := range all {
			addresses := ""
			for _, a := range i.Addresses {
				addresses += a.String() + " "
			}
			fmt.Fprint(table, terminal.Safe(i.Name)+"\t"+state(&i)+"\t"+strconv.Itoa(i.MTU)+"\t"+addresses+"\n")
		}
		if err := table.Flush(); err != nil {
			return fail(words, &outfile.Error{Name: "standard output", Err: err})
		}
	}
	if err := out.Flush(); err != nil {
		return fail(words, &outfile.Error{Name: "standard output", Err: err})
	}
	switch {
	case errors.Is(permitted, live.ErrUnsupported):
		words.Say("capturing needs Linux; here wsdump reads what another tool captures")
		words.Hint(interfaceAdvice(&live.InterfaceError{Name: "en0", Err: permitted}))
	case permitted != nil:
		words.Say("we may not capture")
		words.Hint(interfaceAdvice(&live.InterfaceError{Err: permitted}))
	default:
		words.Say("we may capture on those that are up, and on any (all of them)")
	}
	return exitOK
}

func state(i *live.Interface) string {
	switch {
	case !i.Up:
		return "down"
	case !i.Running:
		return "up, not connected"
	}
	return "up"
}
