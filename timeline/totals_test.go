package timeline

import (
	"reflect"
	"testing"
)

// TestTotalsAdd: every figure is added; of times the first and the last count.
func TestTotalsAdd(t *testing.T) {
	fill := func(x *Totals, n uint64) {
		v := reflect.ValueOf(x).Elem()
		for i := range v.NumField() {
			switch f := v.Field(i); f.Kind() {
			case reflect.Uint64:
				f.SetUint(n)
			case reflect.Bool:
				f.SetBool(true)
			case reflect.Array:
				for j := range f.Len() {
					f.Index(j).SetUint(n)
				}
			case reflect.Slice:
				if f.Type() == reflect.TypeFor[[]Count]() {
					f.Set(reflect.ValueOf([]Count{{"a", n}, {"b", 1}}))
				}
			}
		}
	}
	var sum, one, other, want Totals
	fill(&one, 2)
	fill(&other, 3)
	fill(&want, 5)
	one.First, one.Last, other.First, other.Last = 50, 60, 10, 20
	want.First, want.Last = 10, 60
	for _, counts := range []*[]Count{&want.Skipped, &want.Others, &want.ServerNames} {
		*counts = []Count{{"a", 5}, {"b", 2}}
	}
	sum.Add(&one)
	sum.Add(&Totals{})
	if sum.Add(&other); !reflect.DeepEqual(sum, want) {
		t.Errorf("got  %+v\nwant %+v", sum, want)
	}
}
