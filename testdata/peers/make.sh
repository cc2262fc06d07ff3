#!/bin/bash
# Makes captures of testdata/pcaps again: make.sh NAME... or make.sh all (4 minutes). PCAPS=FOLDER makes them elsewhere.
# make.sh load captures 300,000 frames, holds the wsdump of this tree to what the endpoints counted, and keeps nothing.
#
# Needs root on Linux, Go, Node with npm, and (Debian's packages) tcpdump tshark wireshark-common ethtool iproute2 procps python3; tshark judges each
# capture when made. Single fixtures need chromium, firefox-esr with libnss3-tools, nginx-light, haproxy, nftables, python3-websockets, openssl, curl, openssh-server,
# dnsmasq-base or bind9-dnsutils, postgresql, mariadb-server, redis, memcached, mosquitto, slapd, opensmtpd, and say so.
#
# Two network namespaces play the client's and the server's machine, joined by a pair of veth devices; tcpdump listens on the client's.
# A proxy or a switch is a third.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
pcaps=$(cd "${PCAPS:-$here/../pcaps}" && pwd)
work=$(mktemp -d)
client=wsdump-client server=wsdump-server middle=wsdump-middle
pids=() capturing=
failed=0

# One function a fixture, make_NAME, in the files below ("-" becomes "_").
all=(chat fragments large refused-400 refused-426 ipv6
  pings faye socketio gobwas-client gorilla-client coder-client python megabyte closes killed dropped reset refused-401-retry refused-403-404-503
  deflate-browser deflate-firefox deflate-node deflate-node-threshold deflate-node-no-takeover deflate-node-windows
  deflate-coder deflate-coder-no-takeover deflate-gorilla deflate-python
  nginx nginx-forgotten haproxy refused-503-haproxy vlan qinq loopback loopback6 any sll raw
  h2c h2-go haproxy-h2 nginx-any nat-any bridge-any
  tls-chromium tls-chromium-h2 tls-firefox-h2 tls-python tls-nginx tls-node tls-go tls12-node tls12-rsa deflate-bomb
  nginx-silence nginx-slow-ping nginx-lifetime lossy
  tls-nokeys http-only sse polling ssh dns services)
for file in "$here"/fixtures/*.sh; do . "$file"; done

python=/usr/bin/python3 # Debian's, with python3-websockets

v4() { link 10.0.0.1/24 10.0.0.2/24; }
go_server() { start server $server "$work/peers" "$@"; }
node_client() { run node "$here/node/client.js" "$@"; }
node_server() { start server $server node "$here/node/server.js" "$@"; }

need() {
  for program; do
    type -P "$program" >/dev/null || { echo "make.sh: $program is missing; install it (see the head of this file)" >&2; exit 1; }
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

end() { # NAMESPACE ADDRESS [DEVICE]
  local device=${3:-eth0}
  ip -n "$1" addr add "$2" dev $device $(case "$2" in *:*) echo nodad ;; esac)
  ip -n "$1" link set $device up
  offload "$1" off $device
}

offload() { # NAMESPACE on|off [DEVICE]
  for feature in tx tso gso gro; do ip netns exec "$1" ethtool -K ${3:-eth0} $feature "$2" >/dev/null; done
}

unlink_all() {
  for ns in $client $server $middle; do
    ip netns del $ns 2>/dev/null || true
    rm -rf /etc/netns/$ns
  done
}

# link_proxy puts a third machine between: the client at 10.0.0.1 sees it at 10.0.0.2, the server at 10.0.1.2 sees it at 10.0.1.1.
link_proxy() {
  link 10.0.0.1/24 10.0.1.2/24
  ip -n $client link del eth0
  ip netns add $middle
  ip -n $middle link set lo up
  wire $client eth0 $middle eth0
  wire $server eth0 $middle eth1
  printf '127.0.0.1 localhost\n10.0.0.2 server.example.com\n' >/etc/netns/$client/hosts
  end $client 10.0.0.1/24
  end $server 10.0.1.2/24
  end $middle 10.0.0.2/24
  end $middle 10.0.1.1/24 eth1
}

wire() { # NAMESPACE DEVICE NAMESPACE DEVICE
  wires=$((wires + 1))
  ip -n $1 link add $2 address 02:00:00:00:0$wires:01 type veth peer name $4 address 02:00:00:00:0$wires:02 netns $3
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

# capture NAMESPACE FILE [FILTER [tcpdump's options]] starts tcpdump, on eth0 or $device.
capture() {
  local ns=$1 file=$2 filter=${3-tcp}
  shift $(($# < 3 ? $# : 3))
  ip netns exec $ns tcpdump -Z root -n -s 0 -B 16384 -U --immediate-mode -i ${device:-eth0} "$@" -w "$pcaps/$file" "$filter" 2>"$work/capture.err" &
  capturing=$!
  wait_for "$work/capture.err" 'listening on'
}

# capture_ng NAMESPACE FILE DEVICE...: the same with dumpcap, which writes pcapng.
capture_ng() {
  local ns=$1 file=$2 device interfaces=()
  shift 2
  for device; do interfaces+=(-i $device -f tcp -s 0); done
  ip netns exec $ns dumpcap -q -n "${interfaces[@]}" -w "$pcaps/$file" 2>"$work/capture.err" &
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

finish_capture() {
  [ -n "$capturing" ] || return 0
  sleep 1.5 # the last segments, and tcpdump's buffer
  kill -INT $capturing
  wait $capturing || true
  capturing=
}

pids_stop() {
  for pid in "${pids[@]}"; do
    kill $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
  done
  pids=()
}

# finish NAME [tshark's options] stops what was started, and joins the logs of client and server. $judge holds the capture to them.
finish() {
  finish_capture
  pids_stop
  node "$here/merge.js" "$work/client.log" "$work/server.log" >"$pcaps/$1.record.json"
  if [ -f "$pcaps/$1.pcapng" ]; then
    node "$here/scrub.js" "$pcaps/$1.pcapng"
    chmod 644 "$pcaps/$1.pcapng"
  fi
  node "$here/${judge:-check.js}" "$pcaps/$1".pcap* "$pcaps/$1.record.json" "${@:2}" || failed=1
}

trap 'for pid in "${pids[@]}" $capturing; do kill $pid 2>/dev/null || true; done; unlink_all; rm -rf "$work"' EXIT
prepare
[ "$*" = all ] && set -- "${all[@]}"
for name; do
  wires=0
  unlink_all
  rm -f "$work"/*.log "$work"/*.out "$work"/*.err
  echo "$name"
  "make_${name//-/_}"
done
exit $failed
