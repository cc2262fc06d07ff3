package report

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/wsdump/wsdump/internal/terminal"
	"github.com/wsdump/wsdump/timeline"
)

// Rules draws the catalogue of rules as a table.
func Rules(w io.Writer, rules []*timeline.Rule) error {
	rows := make([][]string, len(rules))
	for i, r := range rules {
		rows[i] = []string{r.ID, r.Severity.String(), r.Title, r.Ref}
	}
	var drawn strings.Builder
	if err := terminal.DrawTable(&drawn, []string{"RULE", "SEVERITY", "WHEN", "REFERENCE"}, rows); err != nil {
		return err
	}
	for line := range strings.Lines(drawn.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// Rule writes one rule in full.
func Rule(w io.Writer, r *timeline.Rule) error {
	text := r.ID + " (" + r.Severity.String() + "): " + r.Title + "\n\n" + r.Text + "\n"
	if r.Ref != "" {
		text += "\nReference: " + r.Ref + "\n"
	}
	_, err := io.WriteString(w, text+"Since wsdump "+r.Since+".\n")
	return err
}

// RulesNDJSON writes one JSON object for each rule.
func RulesNDJSON(w io.Writer, rules []*timeline.Rule) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, r := range rules {
		err := enc.Encode(struct {
			Type     string `json:"type"`
			Rule     string `json:"rule"`
			Severity string `json:"severity"`
			Title    string `json:"title"`
			Text     string `json:"text"`
			Ref      string `json:"ref,omitempty"`
			Since    string `json:"since"`
		}{"rule", r.ID, r.Severity.String(), r.Title, r.Text, r.Ref, r.Since})
		if err != nil {
			return err
		}
	}
	return nil
}

// RulesMarkdown writes the catalogue as docs/RULES.md.
func RulesMarkdown(w io.Writer, rules []*timeline.Rule) error {
	var b strings.Builder
	b.WriteString("# Rules\n\n" +
		"`wsdump rules` lists the rules, and `wsdump rules ws/mask-missing` explains one. `wsdump rules -T markdown` wrote this page.\n\n" +
		"An ID never changes its meaning. An error breaks a MUST of its reference, a warning is trouble, a note is worth knowing.\n" +
		"A false alarm is worse than a miss: what an observer cannot know is a note or nothing.\n")
	for _, r := range rules {
		ref := ""
		if r.Ref != "" {
			ref = " (" + r.Ref + ")"
		}
		b.WriteString("\n### " + r.ID + "\n\n" + r.Severity.String() + ref + ": " + r.Title + ". " + r.Text + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
