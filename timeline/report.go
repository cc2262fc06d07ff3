package timeline

// findingKey is what FindingsPerRule counts by.
type findingKey struct {
	rule *Rule
	dir  Direction
}

// Tell hands f to sink as a finding of c: it fills in Conn and the rule's
// Severity where f has none, counts it, and stops telling after [FindingsPerRule] of one rule
// and direction (see [Conn.Settle]). f is borrowed.
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

func (c *Conn) allow(f *Finding) bool {
	if c.told == nil {
		c.told = make(map[findingKey]uint64)
	}
	key := findingKey{f.Rule, f.Dir}
	if c.told[key] == 0 {
		c.toldOrder = append(c.toldOrder, key)
	}
	c.told[key]++
	return c.told[key] <= FindingsPerRule
}

// Settle tells, for every rule that fired more often than [FindingsPerRule],
// how often it fired in all. The layer that closes c calls it before
// [Sink.Close].
func (c *Conn) Settle(sink Sink, at Stamp) {
	for _, key := range c.toldOrder {
		if n := c.told[key]; n > FindingsPerRule {
			f := Finding{
				Rule: key.rule, Severity: key.rule.Severity, Conn: c, Dir: key.dir, HasDir: true, At: at,
				Count: n - FindingsPerRule, Detail: "more of the same, not told one by one",
			}
			c.FindingsBy[f.Severity] += f.Count
			sink.Finding(&f)
		}
	}
	c.told, c.toldOrder = nil, nil
}
