package main

import (
	"strings"

	"github.com/wsdump/wsdump/internal/console"
	"github.com/wsdump/wsdump/report/verdict"
)

// reportFlags are the reports that are asked for.
type reportFlags []verdict.Destination

func (r *reportFlags) String() string { return "" }
func (r *reportFlags) Type() string   { return "KIND=FILE" }

// Set adds a report.
func (r *reportFlags) Set(s string) error {
	kind, file, named := strings.Cut(s, "=")
	if named && file == "" {
		return console.Usage("the name of the file is missing", "--report "+kind+" writes to standard output")
	}
	if file == "-" {
		file = ""
	}
	format, known := verdict.FormatNamed(kind)
	if !known {
		return console.UnknownWord(kind, reportKinds())
	}
	for _, have := range *r {
		if have.File == "" && file == "" {
			return console.Usage("only one report can go to standard output", "give one of them a file: "+kind+"=FILE")
		}
	}
	*r = append(*r, verdict.Destination{Format: format, File: file})
	return nil
}

func reportKinds() (names []string) {
	for _, f := range verdict.Formats() {
		names = append(names, f.Name)
	}
	return names
}
