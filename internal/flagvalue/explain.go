package flagvalue

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wsdump/wsdump/capture/filter"
	"github.com/wsdump/wsdump/internal/console"
)

// Explain turns an error of pflag into one with a hint.
func Explain(c *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		invalid *pflag.InvalidValueError
		missing *pflag.ValueRequiredError
		usage   *console.UsageError
		place   *filter.Error
	)
	help := "`" + c.CommandPath() + " --help` lists the flags"
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if group := unknown.GetSpecifiedShortnames(); group != "" {
			text := "unknown flag -" + name
			if len(group) > 1 {
				text += " in -" + group
			}
			return console.Usage(text, help)
		}
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := console.Nearest(name, names); near != "" {
			help = "did you mean --" + near + "?"
		}
		return console.Usage("unknown flag --"+name, help)
	case errors.As(err, &place): // which shows the value
		return place
	case errors.As(err, &usage) && errors.As(err, &invalid):
		return console.Usage("--"+invalid.GetFlag().Name+" "+console.Quote(invalid.GetValue())+": "+usage.Text, usage.Hint)
	case errors.As(err, &missing):
		return console.Usage("--"+missing.GetFlag().Name+" needs a value", help)
	}
	return console.Usage(err.Error(), help)
}
