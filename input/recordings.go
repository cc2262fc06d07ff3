package input

import (
	"bufio"
	"errors"
	"io"
	"os"

	"github.com/wsdump/wsdump/capture"
	"github.com/wsdump/wsdump/har"
	"github.com/wsdump/wsdump/internal/console"
)

// recordings reads the files that are HARs, which their content tells; none when
// they are captures. rest is standard input with what was peeked of it.
func recordings(files []string, stdin io.Reader) (archives []*har.Archive, rest io.Reader, err error) {
	var others []string
	var errs []error
	rest = stdin
	for _, path := range files {
		var archive *har.Archive
		var err error
		if path == capture.Stdin {
			buffered := bufio.NewReaderSize(rest, har.SniffLength)
			rest = buffered
			if peeked := sniff(buffered); har.Is(peeked) {
				archive, err = har.Read(buffered, "standard input")
			}
		} else if isRecording(path) {
			archive, err = har.Open(path)
		}
		if archive == nil && err == nil {
			others = append(others, path)
			continue
		}
		if err != nil {
			errs = append(errs, err)
		}
		if archive != nil {
			archives = append(archives, archive)
		}
	}
	if len(archives) > 0 && len(others) > 0 {
		return nil, rest, console.Usage("give HARs or captures, not both: "+archives[0].Name+", "+others[0],
			"read them one by one, or compare them: wsdump diff "+others[0]+" "+archives[0].Name)
	}
	return archives, rest, errors.Join(errs...)
}

// sniff returns the first bytes of a pipe, as many as come at once. It does not
// wait for more, since a live capture may begin slowly.
func sniff(r *bufio.Reader) []byte {
	if _, err := r.Peek(1); err != nil {
		return nil
	}
	b, _ := r.Peek(r.Buffered())
	return b
}

// isRecording reports whether a file is a HAR.
func isRecording(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false // the capture reader reports the error, or reads the pipe
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, har.SniffLength)
	n, _ := io.ReadFull(f, b)
	return har.Is(b[:n])
}
