package main

import (
	"strings"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/normalize"
	"github.com/wsdump/wsdump/query"
)

// matchFlag is what a message is known by.
type matchFlag struct{ termFlag }

func (m *matchFlag) Type() string { return "WHAT" }

func (m *matchFlag) String() string {
	if m.term == nil {
		return "payload"
	}
	return m.term.String()
}

// Set compiles the term. The word payload is the default.
func (m *matchFlag) Set(s string) (err error) {
	m.term = nil
	if s != "payload" {
		m.term, err = query.CompileTerm(s)
	}
	return err
}

// rulesFlag is a list of what is made equal.
type rulesFlag struct{ rules []normalize.Rule }

func (r *rulesFlag) Type() string { return "RULE" }

func (r *rulesFlag) String() string {
	var texts []string
	for _, rule := range r.rules {
		texts = append(texts, rule.String())
	}
	return strings.Join(texts, " ")
}

// Set adds a rule.
func (r *rulesFlag) Set(s string) error {
	rule, err := normalize.Parse(s)
	if err != nil {
		return console.Usage(err.Error(), "for example --normalize 'json.id=<id>' or --normalize 'match:[0-9a-f-]{36}=<uuid>'")
	}
	r.rules = append(r.rules, rule)
	return nil
}
