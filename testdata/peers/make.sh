#!/bin/bash
# Makes captures of testdata/pcaps again: make.sh NAME... or make.sh all. Needs root, Linux, and (Debian's names)
# tcpdump tshark (it judges each capture when made) ethtool iproute2 nodejs npm golang; what a fixture needs beyond stands in its function.
# Two network namespaces play the client's and the server's machine, joined by a pair of veth devices; tcpdump listens on the client's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
pcaps=${PCAPS:-$here/../pcaps}
work=$(mktemp -d)
client=wsdump-client server=wsdump-server
pids=()
failed=0

. "$here/fixtures.sh"

need() {
  for program; do
    command -v "$program" >/dev/null || { echo "make.sh: $program is missing; install it (see the head of this file)" >&2; exit 1; }
  done
}

prepare() {
  need tcpdump tshark dumpcap ethtool ip node npm go
  [ -d "$here/node/node_modules" ] || (cd "$here/node" && npm ci --silent)
  (cd "$here/go" && go build -o "$work/peers" .)
}

# link CLIENT_ADDRESS SERVER_ADDRESS joins the two machines: Ethernet, and segments as the wire would carry them.
link() {
  for ns in $client $server; do
    ip netns add $ns
    ip -n $ns link set lo up
    mkdir -p /etc/netns/$ns
    printf '127.0.0.1 localhost\n%s server.example.com\n' "${2%/*}" >/etc/netns/$ns/hosts
  done
  ip -n $client link add eth0 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns $server
  end $client "$1"
  end $server "$2"
}

end() {
  ip -n "$1" addr add "$2" dev eth0 $(case "$2" in *:*) echo nodad ;; esac)
  ip -n "$1" link set eth0 up
  offload "$1" off
}

offload() {
  for feature in tx tso gso gro; do ip netns exec "$1" ethtool -K eth0 $feature "$2" >/dev/null; done
}

unlink_all() {
  for ns in $client $server ${more_namespaces:-}; do
    ip netns del $ns 2>/dev/null || true
    rm -rf /etc/netns/$ns
  done
}

# start NAME NAMESPACE COMMAND... runs a program in a namespace and waits until it wrote "ready".
start() {
  local name=$1 ns=$2
  shift 2
  PEER_RECORD=$work/$name.log ip netns exec $ns "$@" >"$work/$name.out" 2>"$work/$name.err" &
  pids+=($!)
  wait_for "$work/$name.out" ready
}

wait_for() {
  for _ in $(seq 100); do
    grep -q "$2" "$1" 2>/dev/null && return
    sleep 0.1
  done
  echo "make.sh: no '$2' in $1 after 10 s" >&2
  cat "$work"/*.err >&2
  exit 1
}

# capture NAMESPACE FILE [FILTER [tcpdump's options]] starts tcpdump.
capture() {
  local ns=$1 file=$2 filter=${3:-tcp}
  shift $(($# < 3 ? $# : 3))
  ip netns exec $ns tcpdump -Z root -n -s 0 -B 16384 -U --immediate-mode -i eth0 "$@" -w "$pcaps/$file" "$filter" 2>"$work/capture.err" &
  capturing=$!
  wait_for "$work/capture.err" 'listening on'
}

# capture_ng NAMESPACE FILE [FILTER]: the same with dumpcap, which writes pcapng.
capture_ng() {
  ip netns exec $1 dumpcap -q -i eth0 -s 0 -w "$pcaps/$2" -f "${3:-tcp}" 2>"$work/capture.err" &
  capturing=$!
  wait_for "$work/capture.err" 'File:'
  sleep 0.5
}

# run COMMAND...: a client that ends by itself.
run() {
  PEER_RECORD=$work/client.log timeout 60 ip netns exec $client "$@" || {
    echo "make.sh: the client failed or did not end: $*" >&2
    exit 1
  }
}

# finish NAME stops what was started, and joins the logs of client and server.
finish() {
  sleep 1.5 # the last segments, and tcpdump's buffer
  kill -INT $capturing
  wait $capturing || true
  for pid in "${pids[@]}"; do
    kill $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
  done
  pids=()
  node "$here/merge.js" "$work/client.log" "$work/server.log" >"$pcaps/$1.record.json"
  if [ -f "$pcaps/$1.pcapng" ]; then
    node "$here/scrub.js" "$pcaps/$1.pcapng"
    chmod 644 "$pcaps/$1.pcapng"
  fi
  node "$here/check.js" "$pcaps/$1".pcap* "$pcaps/$1.record.json" || failed=1
}

trap 'for pid in "${pids[@]}" ${capturing:-}; do kill $pid 2>/dev/null || true; done; unlink_all; rm -rf "$work"' EXIT
prepare
[ "$*" = all ] && set -- "${all[@]}"
for name; do
  unlink_all
  rm -f "$work"/*.log "$work"/*.out "$work"/*.err
  echo "$name"
  "make_${name//-/_}"
done
exit $failed
