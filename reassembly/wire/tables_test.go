package wire

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/gopacket/layers"
)

const dropped = "WSDUMP_TEST_TABLES_DROPPED"

// TestDropTables runs the tests of a Decoder (those whose reference is not gopacket,
// which needs its tables) again, in a process that has dropped them as the program
// does.
func TestDropTables(t *testing.T) {
	if os.Getenv(dropped) == "" {
		if layers.EthernetTypeMetadata[0x1234].Name == "" || layers.PPPTypeMetadata[0x1234].Name == "" {
			t.Fatal("there is nothing to drop")
		}
		again := exec.Command(os.Args[0], "-test.run", "^(TestDropTables|TestEveryShape|TestSkips|TestLengths|TestNestingIsBounded|TestPlain|TestAgainstTshark|FuzzDecode)$", "-test.v")
		again.Env = append(os.Environ(), dropped+"=1")
		out, err := again.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestEveryShape") || !strings.Contains(string(out), "--- PASS: FuzzDecode") {
			t.Fatalf("without the tables: %v\n%s", err, out)
		}
		return
	}
	for i := range layers.EthernetTypeMetadata {
		if e := &layers.EthernetTypeMetadata[i]; e.DecodeWith != nil || e.Name != "" || e.LayerType != 0 {
			t.Fatalf("EtherType %#x is still %+v", i, *e)
		}
		if e := &layers.PPPTypeMetadata[i]; e.DecodeWith != nil || e.Name != "" || e.LayerType != 0 {
			t.Fatalf("PPP type %#x is still %+v", i, *e)
		}
	}
}

func TestMain(m *testing.M) {
	if os.Getenv(dropped) != "" {
		DropTables() // before all other tests
	}
	os.Exit(m.Run())
}
