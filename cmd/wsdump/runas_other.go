//go:build !linux

package main

import (
	"os"
	"os/exec"

	"github.com/wsdump/wsdump/capture/live"
)

var terminate = os.Interrupt

func become(*exec.Cmd, *live.Identity) {}

func identityVariables(*live.Identity) []string { return nil }

func killedBy(*exec.ExitError) int { return exitFailed }
