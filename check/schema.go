package check

import (
	"bytes"
	_ "embed" // the schema of rules
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/wsdump/wsdump/timeline"
)

// schema is a JSON Schema for messages.
type schema struct {
	name     string
	compiled *jsonschema.Schema
}

// newSchema compiles a schema. It loads nothing: a reference to another file or URL is
// an error.
func newSchema(name string, text []byte) (*schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if err := compiler.AddResource(schemaPlace, document); err != nil {
		return nil, err
	}
	compiled, err := compiler.Compile(schemaPlace)
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), schemaPlace, ""))
	}
	return &schema{name, compiled}, nil
}

// schemaPlace is the name of the schema inside the compiler.
const schemaPlace = "wsdump://rules/schema.json"

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: a schema may not refer to other files", url)
}

// judge returns what is wrong with the payload of m, "" for nothing. known is false where
// the capture does not show all of the payload.
func (s *schema) judge(m *timeline.Message) (wrong string, known bool) {
	if !m.HasPayload || m.Incomplete || m.Truncated || m.Opaque {
		return "", false
	}
	decoder := json.NewDecoder(bytes.NewReader(m.Payload))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return "the payload is not JSON: " + err.Error(), true
	}
	if decoder.More() {
		return "more than one JSON value", true
	}
	err := s.compiled.Validate(value)
	if err == nil {
		return "", true
	}
	failed := (*jsonschema.ValidationError)(nil)
	if !errors.As(err, &failed) {
		return err.Error(), true
	}
	var said []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "- ") {
			said = append(said, line[2:])
		}
	}
	if len(said) == 0 {
		return err.Error(), true
	}
	return strings.Join(said[:min(len(said), 3)], "; "), true
}

//go:embed rules.schema.json
var rulesSchema []byte

// Schema returns the JSON Schema of files of rules, for editors. The caller owns it.
func Schema() []byte { return bytes.Clone(rulesSchema) }
