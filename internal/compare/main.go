// Command compare
package main

import (
	"fmt"
	"os"
)

func main() {
	for _, f := range os.Args[1:] {
		opts := best()
		if len(f) > 16 && f[len(f)-16:] == "deflate-bomb.pcap"[1:] {
			opts = append(opts, "-o", "websocket.decompress:FALSE")
		}
		a, err := ourRows(f)
		if err != nil {
			fmt.Println(f, err)
			continue
		}
		b, err := tsharkRows(f, opts...)
		if err != nil {
			fmt.Println(f, err)
			continue
		}
		fmt.Printf("%s: %d %d\n only tshark:\n%s only wsdump:\n%s", f, len(a.rows), len(b), text(only(b, a.rows)), text(only(a.rows, b)))
	}
}
