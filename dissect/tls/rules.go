package tls

import "github.com/wsdump/wsdump/timeline"

// The rules that this package judges by. Each is a section of docs/RULES.md.
var (
	ruleNoKeys = &timeline.Rule{
		ID: "tls/no-keys", Severity: timeline.Note, Since: "0.1", Ref: "RFC 8446, RFC 9850",
		Title: "TLS without keys",
		Text: "The connection is encrypted and its keys are not known. Let one of the two ends write a key log and give it with -k: set SSLKEYLOGFILE=keys.log before starting Chrome, Firefox, " +
			"curl or Python; node --tls-keylog=keys.log; tls.Config.KeyLogWriter in Go; an agent such as extract-tls-secrets in Java; openssl s_client -keylogfile keys.log. " +
			"Behind nginx or another terminator, capture the plain side, or use TLS 1.2 with RSA key exchange and the private key.",
	}
	ruleUnsupported = &timeline.Rule{
		ID: "tls/unsupported", Severity: timeline.Note, Since: "0.1",
		Title: "TLS version or cipher suite that is not decrypted",
		Text:  "TLS 1.0 to 1.3 are read with AES (GCM, CCM, CBC) and ChaCha20-Poly1305. Older and rarer ones (SSL 3.0, RC4, 3DES, DES, SEED, Camellia, ARIA, NULL, compression) are named and left alone.",
	}
	ruleDecryptFailed = &timeline.Rule{
		ID: "tls/decrypt-failed", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 8446 5.2, RFC 5246 6.2.3",
		Title: "a record does not authenticate",
		Text:  "Keys were found, but a record does not open with them: the key log belongs to another run, a secret was changed, or the capture holds damaged bytes. Nothing of the record is shown.",
	}
	// RuleAnsweredPlain is reported by who knows the connection, see [Handler.AnsweredPlain].
	RuleAnsweredPlain = &timeline.Rule{
		ID: "tls/answered-plain", Severity: timeline.Warning, Since: "0.1", Ref: "RFC 8446 4.1.3",
		Title: "TLS was answered in plain HTTP",
		Text:  "The client began with TLS (wss:// or https://), and the server does not speak it on this port. Use ws://, or the port of TLS. Clients report a wrong version number.",
	}
	ruleLimit = &timeline.Rule{
		ID: "tls/limit", Severity: timeline.Warning, Since: "0.1",
		Title: "a limit was reached",
		Text:  "More encrypted bytes came before their keys than are kept, or more records were lost than are searched for. The direction stays silent from there.",
	}
)

// Rules returns the rules of this package, in the order of the catalogue.
func Rules() []*timeline.Rule {
	return []*timeline.Rule{ruleNoKeys, ruleUnsupported, ruleDecryptFailed, RuleAnsweredPlain, ruleLimit}
}
