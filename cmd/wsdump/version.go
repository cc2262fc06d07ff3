package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/pflag"
)

// versionCommand prints the version.
type versionCommand struct{}

func (versionCommand) register(*pflag.FlagSet) {}

func (versionCommand) run(_ context.Context, _ io.Reader, stdout, _ io.Writer) int {
	if _, err := fmt.Fprintln(stdout, versionLine()); err != nil {
		return exitInput
	}
	return exitOK
}

// versionLine returns "wsdump v0.1.0 (go1.26.0, linux/amd64)".
func versionLine() string {
	return fmt.Sprintf("wsdump %s (%s, %s/%s)", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// version returns the module's version as the build recorded it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
