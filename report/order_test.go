package report

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"
)

// Rows of any size come back whole, sorted, those that are equal as they came.
func TestOrder(t *testing.T) {
	for _, reverse := range []bool{false, true} {
		o := newOrder(&Options{Sort: "bytes", Reverse: reverse})
		o.rows.Memory = 1 << 10
		random := rand.New(rand.NewPCG(1, 2))
		var want []string
		for i := range 2000 {
			n := random.IntN(20)
			row := strconv.Itoa(n) + " " + string(make([]byte, random.IntN(300))) + strconv.Itoa(i)
			want = append(want, row)
			if err := o.put(rank{n: uint64(n)}, []byte(row)); err != nil {
				t.Fatal(err)
			}
		}
		slices.SortStableFunc(want, func(a, b string) int {
			if d := leading(b) - leading(a); !reverse {
				return d
			} else {
				return -d
			}
		})
		var got []string
		if err := o.each(func(row []byte) bool { got = append(got, string(row)); return len(got) < 1500 }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want[:1500]) {
			t.Errorf("reverse %v: rows are not as they should be", reverse)
		}
	}
}

func leading(row string) (n int) {
	for _, c := range []byte(row) {
		if c == ' ' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func TestSortableAddress(t *testing.T) {
	in := []string{"9.0.0.1:80", "10.0.0.1:9", "10.0.0.1:443", "10.0.0.1:8080", "[::1]:80", "[2001:db8::1]:80"}
	for i := 1; i < len(in); i++ {
		a, b := netip.MustParseAddrPort(in[i-1]), netip.MustParseAddrPort(in[i])
		if sortableAddress(a) >= sortableAddress(b) {
			t.Errorf("%s does not stand before %s", a, b)
		}
	}
}
