package pipeline

import "testing"

func TestClock(t *testing.T) {
	const day = 24
	for name, test := range map[string]struct {
		times, want []int64
		steps       int
	}{
		"as usual":                {[]int64{0, 1, 5, 9}, []int64{0, 1, 5, 9}, 0},
		"back":                    {[]int64{5, 3, 4, 6}, []int64{5, 5, 5, 6}, 0},
		"a long silence":          {[]int64{0, 12, 24, 36}, []int64{0, 12, 24, 36}, 0},
		"one wild packet":         {[]int64{0, 1, 10 * day, 2, 3}, []int64{0, 1, 1, 2, 3}, 0},
		"two wild packets":        {[]int64{0, 10 * day, 1, 20 * day, 2}, []int64{0, 0, 1, 1, 2}, 0},
		"two that do not confirm": {[]int64{0, 10 * day, 20 * day, 1}, []int64{0, 0, 0, 1}, 0},
		"set":                     {[]int64{0, 1, 10 * day, 10*day + 1}, []int64{0, 1, 1, 10*day + 1}, 1},
		"set, out of order":       {[]int64{0, 10*day + 1, 10 * day, 10*day + 2}, []int64{0, 0, 10*day + 1, 10*day + 2}, 1},
		"set twice":               {[]int64{0, 10 * day, 10 * day, 30 * day, 30 * day}, []int64{0, 0, 10 * day, 10 * day, 30 * day}, 2},
	} {
		c := clock{limit: 12}
		steps := 0
		for i, at := range test.times {
			now, _, stepped := c.at(at)
			if stepped {
				steps++
			}
			if now != test.want[i] {
				t.Errorf("%s: packet %d: %d, want %d", name, i, now, test.want[i])
			}
		}
		if steps != test.steps {
			t.Errorf("%s: %d steps, want %d", name, steps, test.steps)
		}
	}
}
