#!/bin/sh
# Measures wsdump and prints docs/PERFORMANCE.md; see go doc ./bench.
cd "$(dirname "$0")/.." && exec go run ./bench "$@"
