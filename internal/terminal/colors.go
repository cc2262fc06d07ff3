package terminal

// Colours, as ANSI escape sequences. Cyan and yellow differ for every eye. Arrows,
// signs and words say the same without colour.
const (
	ColorReset    = "\x1b[0m"
	ColorBold     = "\x1b[1m"
	ColorDim      = "\x1b[2m"
	ColorSent     = "\x1b[36m"
	ColorReceived = "\x1b[33m"
	ColorError    = "\x1b[1;31m"
	ColorWarning  = "\x1b[1;35m"
)
