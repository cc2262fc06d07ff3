package outfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFile: a file has its name when it is committed, keeps the permissions of the
// one it replaces, and leaves nothing behind when it is discarded.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x")
	if err := os.WriteFile(name, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, commit := range []bool{false, true} {
		f, err := Open(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, "new")
		if b, _ := os.ReadFile(name); string(b) != "old" {
			t.Errorf("before the end: %q", b)
		}
		want := "old"
		if commit {
			want = "new"
			if err := f.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		f.Discard()
		b, _ := os.ReadFile(name)
		info, _ := os.Stat(name)
		left, _ := os.ReadDir(dir)
		if string(b) != want || info.Mode().Perm() != 0o640 || len(left) != 1 {
			t.Errorf("commit %v: %q, %v, %d files", commit, b, info.Mode(), len(left))
		}
	}
}

func TestWriteAndAppend(t *testing.T) {
	dir := t.TempDir()
	name, broken := filepath.Join(dir, "x"), errors.New("broken")
	fails := func(w io.Writer) error { io.WriteString(w, "half"); return broken }
	if err := Write(name, nil, fails); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := Append(name, fails); !errors.Is(err, broken) {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	one := func(w io.Writer) error { _, err := io.WriteString(w, "one\n"); return err }
	if err := errors.Join(Write(name, nil, one), Append(name, one)); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(name); string(b) != "one\none\n" {
		t.Errorf("%q", b)
	}
	var out strings.Builder
	if err := Write("-", &out, one); err != nil || out.String() != "one\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if _, err := Open(dir, nil); err == nil || !strings.Contains(err.Error(), "it is a folder") {
		t.Error(err)
	}
}
