#!/bin/sh
# Writes cmd/wsdump/release.pgo, the profile that releases are compiled by
# (docs/adr/0007). It takes a minute or two.
set -eu
[ $# = 0 ] || { echo "usage: $0" >&2; exit 2; }
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work" ./bench/profile ./internal/trafficgen/write
for run in list/small list/mixed list/conns list/disorder ndjson/small ndjson/bulk ndjson/conns ndjson/deflate ndjson/disorder; do
  kind=${run#*/}
  [ -f "$work/$kind.pcap" ] || "$work/write" -kind "$kind" -size 256MB -o "$work/$kind.pcap" -manifest "$work/manifest"
  for workers in 1 2; do # times enough for some hundred samples
    "$work/profile" "${run%/*}" $workers 8 "$work/$kind.pcap" "$work/${run%/*}-$kind-$workers.prof"
  done
done
go tool pprof -proto "$work"/*.prof >cmd/wsdump/release.pgo
