//go:build !unix

package progress

import "os"

// onStatusSignal sends nothing: there is no such signal here.
func onStatusSignal(chan os.Signal) (ignore func()) { return func() {} }
