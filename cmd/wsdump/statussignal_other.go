//go:build !unix

package main

import "os"

// onStatusSignal hears nothing: there is no such signal here.
func onStatusSignal(chan os.Signal) (forget func()) { return func() {} }
