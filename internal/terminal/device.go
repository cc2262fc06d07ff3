package terminal

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Is reports whether w is a terminal.
func Is(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width returns the columns of the terminal w; 0 where w is none, or does not tell.
func Width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// UTF8 reports whether the locale (POSIX: LC_ALL, LC_CTYPE, LANG, the first that is
// set) has UTF-8. It assumes so where none is set.
func UTF8() bool {
	for _, variable := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(os.Getenv(variable)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}

// Colored decides about colour: by mode, "always" or "never"; else by NO_COLOR,
// CLICOLOR_FORCE and TERM; else by whether there is a terminal.
func Colored(mode string, terminal bool) bool {
	force := os.Getenv("CLICOLOR_FORCE")
	switch {
	case mode == "always":
		return true
	case mode == "never", os.Getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return terminal && os.Getenv("TERM") != "dumb"
}
