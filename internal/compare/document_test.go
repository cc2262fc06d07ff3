package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsdump/wsdump/internal/long"
)

const again = "; print the page again: go run ./internal/compare >docs/COMPARISON.md"

// page reads docs/COMPARISON.md as tables: the cells of each row, by the
// heading above it and the row's first cell.
func page(t *testing.T) (text string, cells map[[2]string][]string) {
	t.Helper()
	b, err := os.ReadFile(root + "docs/COMPARISON.md")
	if err != nil {
		t.Fatal(err)
	}
	cells = map[[2]string][]string{}
	heading := ""
	for line := range strings.SplitSeq(string(b), "\n") {
		if h, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			heading = h
		}
		if strings.HasPrefix(line, "| ") && strings.HasSuffix(line, " |") {
			row := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
			cells[[2]string{heading, row[0]}] = row[1:]
		}
	}
	return string(b), cells
}

// TestPage holds docs/COMPARISON.md to the programs: what wsdump says always,
// what tshark says where the same version is installed. A column of wsdump
// that got better is told, and does not fail.
func TestPage(t *testing.T) {
	text, cells := page(t)
	version := tsharkVersion()
	same := version != "" && strings.Contains(text, "with tshark "+version+" and ") && long.Wanted()
	t.Logf("tshark is %q; its columns are held to the page: %v", version, same)
	for _, c := range trials() {
		t.Run(c.title, func(t *testing.T) {
			t.Parallel()
			if row := cells[[2]string{"Tricky captures", c.title}]; slices.Equal(row, []string{"right", "right", "right"}) {
				holdAgreed(t, c, same)
				return
			}
			if !same {
				_, _, v, err := c.ours(root, t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				hold(t, cells[[2]string{c.title, "wsdump"}], v.cell(), v.right())
				return
			}
			j, err := c.all(root, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			hold(t, cells[[2]string{c.title, "wsdump"}], j.wsdump.cell(), j.wsdump.right())
			hold(t, cells[[2]string{c.title, "tshark"}], j.tshark.cell(), false)
			hold(t, cells[[2]string{c.title, "tshark, best" + besides(c.options)}], j.bestCell(), false)
		})
	}
	for _, v := range violations() {
		t.Run(v.what, func(t *testing.T) {
			t.Parallel()
			row := cells[[2]string{"Violations of the protocol", v.what}]
			if len(row) != 3 {
				t.Fatal("it is not on the page" + again)
			}
			path, rules, err := v.announced(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			hold(t, row[2:], nothing(rules), false)
			if same {
				said, err := experts(path)
				if err != nil {
					t.Fatal(err)
				}
				hold(t, row[1:2], nothing(said), false)
			}
		})
	}
}

// holdAgreed judges a capture that all show right, by the page: it has one row there.
func holdAgreed(t *testing.T, c trial, same bool) {
	t.Helper()
	if !same {
		if _, _, v, err := c.ours(root, t.TempDir()); err != nil || !v.right() {
			t.Errorf("the page says right, and wsdump %s (%v)%s", v.cell(), err, again)
		}
		return
	}
	if j, err := c.all(root, t.TempDir()); err != nil || !j.agreed() {
		t.Errorf("the page says right, and the programs %s, %s, %s (%v)%s", j.tshark.cell(), j.best.cell(), j.wsdump.cell(), err, again)
	}
}

// TestProbes holds what the page says that each can do to the programs.
func TestProbes(t *testing.T) {
	text, cells := page(t)
	version := tsharkVersion()
	if version == "" || !strings.Contains(text, "with tshark "+version+" and ") || !long.Wanted() {
		t.Skipf("the page is of another tshark than %q, or tests are to be short", version)
	}
	b := &bench{root: root, dir: t.TempDir()}
	b.wsdump = filepath.Join(b.dir, "wsdump")
	if out, err := exec.Command("go", "build", "-o", b.wsdump, root+"cmd/wsdump").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, p := range probes() {
		row := cells[[2]string{"What each can do, by trial", p.what}]
		theirs, ours := p.ask(b)
		if len(row) != 2 || row[0] != theirs || row[1] != ours {
			t.Errorf("%s: the page says %q, and the programs %q and %q%s", p.what, row, theirs, ours, again)
		}
	}
}

// hold compares a cell of the page with what was said now. better means that
// what was said now is right.
func hold(t *testing.T, cell []string, now string, better bool) {
	t.Helper()
	switch {
	case len(cell) != 1:
		t.Errorf("a cell is missing: %q%s", cell, again)
	case cell[0] == now:
	case better && !strings.HasPrefix(cell[0], "right"):
		t.Logf("better than the page says (%q): %q%s", cell[0], now, again)
	default:
		t.Errorf("the page says\n\t%s\nand the program\n\t%s\n%s", cell[0], now, again)
	}
}
