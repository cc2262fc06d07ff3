package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"text/tabwriter"

	"github.com/wsdump/wsdump/internal/terminal"
)

// Interface is a network interface that packets can be captured from.
type Interface struct {
	Name                  string
	Up, Running, Loopback bool
	MTU                   int // bytes
	Addresses             []netip.Prefix
	Capture               bool // this process may capture from it now
}

// Interfaces prints a table with a row an interface.
func Interfaces(w io.Writer, all []Interface) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "NAME\tSTATE\tMTU\tADDRESSES\n")
	for _, i := range all {
		state := "up"
		switch {
		case !i.Up:
			state = "down"
		case !i.Running:
			state = "up, not connected"
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t", terminal.Safe(i.Name), state, i.MTU)
		for _, a := range i.Addresses {
			fmt.Fprintf(table, "%s ", a)
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// InterfacesNDJSON prints a line an interface.
func InterfacesNDJSON(w io.Writer, all []Interface) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	for _, i := range all {
		row := struct {
			Type      string   `json:"type"`
			Name      string   `json:"name"`
			Up        bool     `json:"up"`
			Running   bool     `json:"running"`
			Loopback  bool     `json:"loopback"`
			MTU       int      `json:"mtu"`
			Addresses []string `json:"addresses"`
			Capture   bool     `json:"capture"`
		}{"interface", i.Name, i.Up, i.Running, i.Loopback, i.MTU, []string{}, i.Capture}
		for _, a := range i.Addresses {
			row.Addresses = append(row.Addresses, a.String())
		}
		_ = enc.Encode(row) // its error stays in out
	}
	return out.Flush()
}
