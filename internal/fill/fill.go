// Package fill is a tool for tests by reflection. It fills a value so that no
// field is zero, copies it deeply, and overwrites all memory that it reaches. So
// a test can prove that a copy is complete and shares nothing, for the fields of
// today and for those that are added later.
package fill

import (
	"fmt"
	"net/netip"
	"reflect"
)

// Skip names struct fields to leave alone, as "Type.Field".
type Skip map[string]bool

// Fill sets every exported field that p points to, at any depth, to a value that
// is not zero. No two numbers and no two strings are equal, as far as their types
// allow. Slices and maps get two elements; nil pointers get a new value.
// Unexported fields stay as they are: [Unexported] lists them.
func Fill(p any, skip Skip) {
	f := filler{skip: skip}
	f.set(reflect.ValueOf(p).Elem())
}

type filler struct {
	skip Skip
	n    uint64 // the last number that was used
}

var addrPort = reflect.TypeFor[netip.AddrPort]()

func (f *filler) set(v reflect.Value) {
	f.n++
	if v.Type() == addrPort {
		v.Set(reflect.ValueOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(f.n >> 8), byte(f.n)}), uint16(f.n))))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.n%120 + 1))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.n%250 + 1)
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", f.n))
	case reflect.Struct:
		eachField(v, f.skip, f.set)
	case reflect.Array:
		for i := range v.Len() {
			f.set(v.Index(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			f.set(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.set(key)
			f.set(value)
			v.SetMapIndex(key, value)
		}
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		f.set(v.Elem())
	default:
		panic("fill: no value for a " + v.Type().String())
	}
}

// Copy returns a pointer to a deep copy of what p points to. Skipped and
// unexported fields are copied as they are.
func Copy[T any](p *T, skip Skip) *T {
	own := *p
	copyOf(reflect.ValueOf(&own).Elem(), skip)
	return &own
}

// copyOf replaces all memory that v reaches by a copy of its own.
func copyOf(v reflect.Value, skip Skip) {
	if v.Type() == addrPort {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		eachField(v, skip, func(f reflect.Value) { copyOf(f, skip) })
	case reflect.Array:
		for i := range v.Len() {
			copyOf(v.Index(i), skip)
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		for i := range own.Len() {
			copyOf(own.Index(i), skip)
		}
		v.Set(own)
	case reflect.Map:
		own := reflect.MakeMap(v.Type())
		for entries := v.MapRange(); entries.Next(); {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(entries.Value())
			copyOf(value, skip)
			own.SetMapIndex(entries.Key(), value)
		}
		v.Set(own)
	case reflect.Pointer:
		if !v.IsNil() {
			own := reflect.New(v.Type().Elem())
			own.Elem().Set(v.Elem())
			copyOf(own.Elem(), skip)
			v.Set(own)
		}
	}
}

// Overwrite sets all memory that p reaches to zero, in place: array elements
// behind slices, entries of maps, what pointers point to, and at last p's own
// fields. Whoever shares any of it sees the change.
func Overwrite(p any, skip Skip) { overwrite(reflect.ValueOf(p).Elem(), skip) }

func overwrite(v reflect.Value, skip Skip) {
	if v.Type() == addrPort {
		v.SetZero()
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		eachField(v, skip, func(f reflect.Value) { overwrite(f, skip) })
		return
	case reflect.Array:
		for i := range v.Len() {
			overwrite(v.Index(i), skip)
		}
		return
	case reflect.Slice:
		whole := v.Slice(0, v.Cap())
		for i := range whole.Len() {
			overwrite(whole.Index(i), skip)
		}
	case reflect.Map:
		v.Clear()
	case reflect.Pointer:
		if !v.IsNil() {
			overwrite(v.Elem(), skip)
		}
	}
	v.SetZero()
}

// Unexported returns the unexported fields of a struct type, as "Type.Field".
func Unexported(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		if f := t.Field(i); !f.IsExported() {
			names = append(names, t.Name()+"."+f.Name)
		}
	}
	return names
}

// eachField calls do for every field of the struct v that is exported and not
// skipped.
func eachField(v reflect.Value, skip Skip, do func(reflect.Value)) {
	t := v.Type()
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && !skip[t.Name()+"."+f.Name] {
			do(v.Field(i))
		}
	}
}
