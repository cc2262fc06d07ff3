// Package page has what the HTML pages of several outputs share.
package page

import (
	"crypto/sha256"
	"encoding/base64"
	"path/filepath"

	"github.com/wsdump/wsdump/internal/quantity"
	"github.com/wsdump/wsdump/internal/terminal"
)

// Title returns the title of a page about files, safe to show but not escaped.
func Title(files []string) string {
	if len(files) == 0 {
		return "wsdump"
	}
	text := terminal.Safe(filepath.Base(files[0]))
	if len(files) > 1 {
		text += " and " + quantity.Plural(uint64(len(files)-1), "more file")
	}
	return text
}

// PolicyHash returns the source expression that allows an inline script or style in
// a content security policy (CSP 3): "sha256-" and a hash in base64.
func PolicyHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
