package timeline

// findingKey is what findings are counted by, see [FindingsPerRule].
type findingKey struct {
	rule *Rule
	dir  Direction
}

// Tell emits f to sink as a finding of c, and counts it. It sets f.Conn, and
// f.Severity to that of the rule unless f has one. After [FindingsPerRule] findings of
// one rule and direction it only counts them (see [Conn.Settle]). f is borrowed.
func (c *Conn) Tell(sink Sink, f *Finding) {
	if !c.allow(f) {
		return
	}
	f.Conn = c
	if f.Severity == Note && !f.Milder {
		f.Severity = f.Rule.Severity
	}
	c.FindingsBy[f.Severity]++
	sink.Finding(f)
}

// allow counts f, and reports whether it is to be emitted.
func (c *Conn) allow(f *Finding) bool {
	if c.findingCounts == nil {
		c.findingCounts = make(map[findingKey]uint64)
	}
	key := findingKey{f.Rule, f.Dir}
	if c.findingCounts[key] == 0 {
		c.findingOrder = append(c.findingOrder, key)
	}
	c.findingCounts[key]++
	return c.findingCounts[key] <= FindingsPerRule
}

// Settle emits one more finding for every rule and direction with more than
// [FindingsPerRule] findings: the number of those that were only counted. The layer
// that closes c calls it before [Sink.Close].
func (c *Conn) Settle(sink Sink, at Stamp) {
	for _, key := range c.findingOrder {
		if n := c.findingCounts[key]; n > FindingsPerRule {
			f := Finding{
				Rule: key.rule, Severity: key.rule.Severity, Conn: c, Dir: key.dir, HasDir: true, At: at,
				Count: n - FindingsPerRule, Detail: "more of the same, not told one by one",
			}
			c.FindingsBy[f.Severity] += f.Count
			sink.Finding(&f)
		}
	}
	c.findingCounts, c.findingOrder = nil, nil
}
