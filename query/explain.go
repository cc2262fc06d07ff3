package query

import (
	"strconv"
	"strings"
)

// Explain returns the values of the fields that p names, of the row that r is filled
// with: "length is 70000, dir is receive". Payload is left out, and long values are
// cut. The values come from the traffic: escape them before printing.
func (p *Program) Explain(r *Row) string {
	var parts []string
	for _, f := range p.fields {
		if f.Type == JSON || f.Type == Bytes || f.Name == "text" {
			continue
		}
		parts = append(parts, f.Name+" is "+f.value(r).explain())
	}
	return strings.Join(parts, ", ")
}

// maxExplained is how many bytes of a text Explain returns.
const maxExplained = 80

func (v value) explain() string {
	switch v.state {
	case stateAbsent:
		return "absent"
	case stateUnknown:
		return "not known"
	case statePartial:
		if v.kind == kindNumber {
			return "at least " + strconv.FormatFloat(v.num, 'f', -1, 64)
		}
		return "known in part"
	}
	switch v.kind {
	case kindBool:
		return strconv.FormatBool(v.num != 0)
	case kindNumber:
		return strconv.FormatFloat(v.num, 'f', -1, 64)
	case kindText:
		s := v.str
		if v.isRaw {
			s = string(v.raw[:min(len(v.raw), maxExplained+1)])
		}
		if len(s) > maxExplained {
			s = s[:maxExplained] + "..."
		}
		return s
	}
	return "there"
}
