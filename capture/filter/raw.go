package filter

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// ParseRaw reads a program as "tcpdump -ddd" prints it: the number of
// instructions, then each of them as four decimal numbers, in lines or between
// commas. Compile one link type's program with tcpdump -y.
func ParseRaw(text string) ([]bpf.RawInstruction, error) {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == ',' })
	for i := 0; i < len(lines); {
		if lines[i] = strings.TrimSpace(lines[i]); lines[i] == "" {
			lines = append(lines[:i], lines[i+1:]...)
			continue
		}
		i++
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("no BPF program: give what tcpdump -ddd prints")
	}
	n, err := strconv.ParseUint(lines[0], 10, 16)
	if err != nil {
		return nil, fmt.Errorf("no BPF program: %s is not the number of instructions that tcpdump -ddd prints first", quote(lines[0]))
	}
	if int(n) != len(lines)-1 {
		return nil, fmt.Errorf("a BPF program of %d instructions has %d: it is not complete", n, len(lines)-1)
	}
	program := make([]bpf.RawInstruction, n)
	for i, line := range lines[1:] {
		fields := strings.Fields(line)
		var v [4]uint64
		for j, bits := range []int{16, 8, 8, 32} {
			if len(fields) != 4 {
				return nil, fmt.Errorf("instruction %d is not four numbers: %s", i, quote(line))
			}
			if v[j], err = strconv.ParseUint(fields[j], 10, bits); err != nil {
				return nil, fmt.Errorf("instruction %d: %s is not a number of %d bits", i, quote(fields[j]), bits)
			}
		}
		program[i] = bpf.RawInstruction{Op: uint16(v[0]), Jt: uint8(v[1]), Jf: uint8(v[2]), K: uint32(v[3])}
	}
	if _, err := NewProgram(program); err != nil {
		return nil, err
	}
	return program, nil
}
