# One function a fixture; make.sh calls them by name ("-" becomes "_").
all=(chat fragments large refused-400 refused-426 ipv6
  pings faye socketio gobwas-client gorilla-client coder-client python megabyte closes killed dropped reset refused-401-retry refused-403-404-503
  deflate-browser deflate-firefox deflate-node deflate-node-threshold deflate-node-no-takeover deflate-node-windows
  deflate-coder deflate-coder-no-takeover deflate-gorilla deflate-python
  nginx nginx-forgotten haproxy refused-503-haproxy vlan qinq loopback loopback6 any sll raw
  tls-chromium tls-node tls-go tls12-node tls12-rsa deflate-bomb
  tls-nokeys http-only sse polling ssh dns)

python=/usr/bin/python3 # Debian's, with python3-websockets

v4() { link 10.0.0.1/24 10.0.0.2/24; }
go_server() { start server $server "$work/peers" "$@"; }
node_client() { run node "$here/node/client.js" "$@"; }
node_server() { start server $server node "$here/node/server.js" "$@"; }

make_chat() {
  v4
  go_server -library gorilla
  capture $client chat.pcap
  node_client chat ws://server.example.com/chat
  finish chat
}

make_fragments() {
  v4
  go_server -library gobwas
  capture $client fragments.pcap
  node_client fragments ws://server.example.com/echo
  finish fragments
}

make_large() {
  v4
  go_server -library coder
  capture $client large.pcap
  node_client sizes ws://server.example.com/echo
  finish large
}

make_refused_400() {
  v4
  go_server -library gorilla
  capture $client refused-400.pcap
  node_client refused ws://server.example.com/room
  finish refused-400
}

make_refused_426() {
  v4
  go_server -library gobwas
  capture $client refused-426.pcap
  node_client refused ws://server.example.com/chat '{"protocolVersion":8}'
  finish refused-426
}

make_ipv6() {
  link fd00::1/64 fd00::2/64
  go_server -library gorilla
  capture_ng $client ipv6.pcapng eth0
  node_client chat ws://server.example.com/chat
  finish ipv6
}

make_pings() {
  v4
  node_server 0.0.0.0 80
  capture $client pings.pcap
  node_client pings ws://server.example.com/echo
  finish pings
}

make_faye() {
  v4
  start server $server node "$here/node/faye.js" server 0.0.0.0 80
  capture $client faye.pcap
  run node "$here/node/faye.js" client faye ws://server.example.com/echo
  finish faye
}

make_socketio() {
  v4
  start server $server node "$here/node/socketio.js" server 0.0.0.0 80
  capture $client socketio.pcap
  run node "$here/node/socketio.js" client http://server.example.com
  finish socketio
}

# A client of each Go library, with Node's as the server.
go_client() {
  v4
  node_server 0.0.0.0 80
  capture $client $1-client.pcap
  run "$work/peers" -library $1 -dial ws://server.example.com/echo
  finish $1-client
}
make_gobwas_client() { go_client gobwas; }
make_gorilla_client() { go_client gorilla; }
make_coder_client() { go_client coder; }

make_python() {
  v4
  start server $server $python "$here/python/peer.py" server 0.0.0.0 80 off
  capture $client python.pcap
  run $python "$here/python/peer.py" client ws://server.example.com/echo off
  finish python
}

# Large segments, as a machine's own capture shows them where the network card cuts them.
make_megabyte() {
  v4
  offload $client on
  offload $server on
  go_server -library gorilla
  capture $client megabyte.pcap
  node_client megabyte ws://server.example.com/echo
  finish megabyte
}

make_closes() {
  v4
  node_server 0.0.0.0 80
  capture $client closes.pcap
  node_client closes ws://server.example.com/echo
  finish closes
}

# The client's process is killed: its kernel sends FIN, nobody a close frame.
make_killed() {
  v4
  node_server 0.0.0.0 80
  capture $client killed.pcap
  PEER_RECORD=$work/client.log ip netns exec $client node "$here/node/client.js" silence ws://server.example.com/echo &
  local pid=$!
  sleep 2
  kill -KILL $pid
  wait $pid 2>/dev/null || true
  finish killed
}

make_dropped() {
  v4
  go_server -library gorilla
  capture $client dropped.pcap
  node_client serverDrops ws://server.example.com/echo
  finish dropped
}

make_reset() {
  v4
  node_server 0.0.0.0 80
  capture $client reset.pcap
  node_client clientResets ws://server.example.com/echo
  finish reset
}

make_refused_401_retry() {
  v4
  node_server 0.0.0.0 80
  capture $client refused-401-retry.pcap
  node_client login ws://server.example.com/login
  finish refused-401-retry
}

make_refused_403_404_503() {
  v4
  node_server 0.0.0.0 80
  capture $client refused-403-404-503.pcap
  node_client denied ws://server.example.com/deny
  finish refused-403-404-503
}

# A page in a browser. Its log comes by port 8080, which is not captured.
page() { # PAGES' SERVER, BROWSER...
  local pages=$1
  shift
  HOME=$work/home ip netns exec $client "$@" >"$work/browser.out" 2>&1 &
  local pid=$!
  pids+=($pid)
  wait_for "$work/$pages.out" done
  sleep 1
  kill $pid
}

chromium() { # PAGES' SERVER, URL
  need chromium
  mkdir -p "$work/home"
  page $1 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update \
    --disable-sync --disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable --ignore-certificate-errors --user-data-dir="$work/chromium" "$2"
}

firefox() { # URL
  need firefox-esr
  mkdir -p "$work/home" "$work/firefox"
  cat >"$work/firefox/user.js" <<'EOF'
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("dom.security.https_first", false);
user_pref("network.dns.disablePrefetch", true);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
EOF
  page server firefox-esr --headless --no-remote --profile "$work/firefox" "$1"
}

make_deflate_browser() {
  v4
  go_server -library coder -deflate takeover -files "$here/pages" -collect "$work/client.log"
  capture $client deflate-browser.pcap 'tcp port 80'
  chromium server http://server.example.com/chat.html
  finish deflate-browser
}

make_deflate_firefox() { # URL
  v4
  go_server -library gorilla -deflate no-takeover -files "$here/pages" -collect "$work/client.log"
  capture $client deflate-firefox.pcap 'tcp port 80'
  firefox http://server.example.com/chat.html
  finish deflate-firefox
}

# deflate NAME CLIENT_OPTIONS SERVER_OPTIONS: Node on both sides with its options for permessage-deflate.
deflate() {
  v4
  node_server 0.0.0.0 80 "{\"perMessageDeflate\":$3}"
  capture $client $1.pcap
  node_client lines ws://server.example.com/echo "{\"perMessageDeflate\":$2}"
  finish $1
}
make_deflate_node() { deflate deflate-node '{"threshold":0}' '{"threshold":0}'; }
# The library sends short messages plain only where it takes no context over.
make_deflate_node_threshold() {
  deflate deflate-node-threshold '{"threshold":100,"clientNoContextTakeover":true}' '{"threshold":1024,"serverNoContextTakeover":true}'
}
make_deflate_node_no_takeover() {
  deflate deflate-node-no-takeover '{"threshold":0,"clientNoContextTakeover":true}' '{"threshold":0,"serverNoContextTakeover":true}'
}
make_deflate_node_windows() {
  deflate deflate-node-windows '{"threshold":0,"clientMaxWindowBits":10,"serverMaxWindowBits":9}' '{"threshold":0,"clientMaxWindowBits":9}'
}

make_deflate_bomb() {
  v4
  node_server 0.0.0.0 80 '{"perMessageDeflate":true,"maxPayload":200000000}'
  capture $client deflate-bomb.pcap
  node_client bomb ws://server.example.com/sink '{"perMessageDeflate":true}'
  finish deflate-bomb
}

# A client of a Go library that compresses, with Node's as the server.
go_deflate() { # NAME LIBRARY MODE
  v4
  node_server 0.0.0.0 80 '{"perMessageDeflate":{"threshold":0}}'
  capture $client $1.pcap
  run "$work/peers" -library $2 -deflate $3 -dial ws://server.example.com/echo
  finish $1
}
make_deflate_coder() { go_deflate deflate-coder coder takeover; }
make_deflate_coder_no_takeover() { go_deflate deflate-coder-no-takeover coder no-takeover; }
make_deflate_gorilla() { go_deflate deflate-gorilla gorilla no-takeover; }

make_deflate_python() {
  v4
  start server $server $python "$here/python/peer.py" server 0.0.0.0 80 on
  capture $client deflate-python.pcap
  run $python "$here/python/peer.py" client ws://server.example.com/echo on
  finish deflate-python
}

# Both legs of a proxy in one file, an interface each.
nginx() {
  need nginx
  mkdir -p "$work/nginx/tmp"
  ip netns exec $middle nginx -p "$work/nginx" -c "$here/proxies/nginx.conf" -e stderr 2>"$work/nginx.err" &
  pids+=($!)
  listening $middle 80
}

# listening waits until a port of a namespace is open.
listening() {
  for _ in $(seq 100); do
    ip netns exec $1 ss -Hltn "sport = :$2" | grep -q . && return
    sleep 0.1
  done
  echo "make.sh: nobody listens on port $2 in $1" >&2
  exit 1
}

make_nginx() {
  link_proxy
  node_server 0.0.0.0 8080 '{"perMessageDeflate":{"threshold":0}}'
  nginx
  capture_ng $middle nginx.pcapng eth0 eth1
  node_client lines ws://server.example.com/echo '{"perMessageDeflate":{"threshold":0},"headers":{"Cookie":"session=8d0f3c1e; theme=dark"}}'
  finish nginx
}

make_nginx_forgotten() {
  link_proxy
  go_server -library gorilla -listen :8080
  nginx
  capture_ng $middle nginx-forgotten.pcapng eth0 eth1
  node_client refused ws://server.example.com/forgotten
  finish nginx-forgotten
}

haproxy() {
  need haproxy
  ip netns exec $middle haproxy -db -q -f "$here/proxies/haproxy.cfg" 2>"$work/haproxy.err" &
  pids+=($!)
  listening $middle 80
}

make_haproxy() {
  link_proxy
  go_server -library coder -listen :8080
  haproxy
  capture_ng $middle haproxy.pcapng eth0 eth1
  node_client echo ws://server.example.com/echo
  finish_capture
  # dumpcap writes what its interfaces buffered one after the other; nginx.pcapng stays so.
  mv "$pcaps/haproxy.pcapng" "$work/as-taken.pcapng"
  reordercap "$work/as-taken.pcapng" "$pcaps/haproxy.pcapng" >/dev/null
  finish haproxy
}

# No server behind the proxy.
make_refused_503_haproxy() {
  link_proxy
  haproxy
  capture_ng $middle refused-503-haproxy.pcapng eth0
  node_client refused ws://server.example.com/chat
  finish refused-503-haproxy
}

# Tagged frames on the trunk of a switch. Filters see the tags or not, depending on who put them on, so all is captured and then filtered.
trunk() { # NAME FILTER TAG...
  local name=$1 filter=$2
  shift 2
  link 10.0.0.1/24 10.0.0.2/24
  ip -n $client link del eth0
  ip netns add $middle
  ip netns exec $middle sysctl -qw net.ipv6.conf.all.disable_ipv6=1
  wire $client eth0 $middle port0
  wire $server eth0 $middle port1
  wire $middle trunk0 $middle trunk1
  local device
  for device in port0 port1 trunk0 trunk1; do
    ip -n $middle link set $device mtu 1600 up
    offload $middle off $device
  done
  end $client 10.0.0.1/24
  end $server 10.0.0.2/24
  start switch $middle $python "$here/python/wires.py" switch port0 port1 trunk0 trunk1 "$@"
  go_server -library gorilla
  device=trunk0 capture $middle $name.pcap ''
  node_client trunk ws://server.example.com/echo
  mv "$pcaps/$name.pcap" "$work/all.pcap"
  finish_capture
  tcpdump -Z root -r "$work/all.pcap" -w "$pcaps/$name.pcap" "$filter" 2>/dev/null
  finish $name
}
make_vlan() { trunk vlan 'vlan 5 and tcp' 8100:5; }
make_qinq() { trunk qinq 'vlan 7 and vlan 5 and tcp' 88a8:7 8100:5; }

# loopback has both ends at one address, and checksums that nobody fills in.
loopback() { # NAME ADDRESS-TO-LISTEN URL
  v4
  start server $client "$work/peers" -library gorilla -listen "$2"
  device=lo capture $client $1.pcap
  node_client chat "$3"
  finish $1
}
make_loopback() { loopback loopback 127.0.0.1:8080 ws://127.0.0.1:8080/chat; }
make_loopback6() { loopback loopback6 '[::1]:8080' 'ws://[::1]:8080/chat'; }

# All devices at once: no Ethernet header but Linux's "cooked" one, in its two versions.
any() { # NAME LINKTYPE
  v4
  go_server -library gorilla
  device=any capture $client $1.pcap tcp -y $2
  node_client chat ws://server.example.com/chat
  finish $1
}
make_any() { any any LINUX_SLL2; }
make_sll() { any sll LINUX_SLL; }

# A tun device carries IP packets without a link layer.
make_raw() {
  v4
  start wire $client $python "$here/python/wires.py" tun $client 10.9.0.1 $server 10.9.0.2
  printf '127.0.0.1 localhost\n10.9.0.2 server.example.com\n' >/etc/netns/$client/hosts
  go_server -library gorilla
  device=tun0 capture $client raw.pcap
  node_client chat ws://server.example.com/chat
  finish raw
}

# wss. The keys are the client's own log (SSLKEYLOGFILE), beside the capture as NAME.keys.
certificate() {
  need openssl
  openssl req -x509 -newkey ${1:-ec} ${2:--pkeyopt ec_paramgen_curve:P-256} -nodes -days 3650 -subj /CN=server.example.com \
    -addext subjectAltName=DNS:server.example.com -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
  cat "$work/cert.pem" "$work/key.pem" >"$work/both.pem"
}

secure_server() { go_server -listen :443 -cert "$work/both.pem" "$@"; }
with_keys() {
  chmod 644 "$pcaps/$1.keys"
  finish $1 -o tls.keylog_file:"$pcaps/$1.keys"
}

make_tls_chromium() {
  v4
  certificate
  secure_server -library coder -deflate takeover
  start pages $server "$work/peers" -files "$here/pages" -collect "$work/client.log"
  capture $client tls-chromium.pcap 'tcp port 443'
  rm -f "$pcaps/tls-chromium.keys"
  SSLKEYLOGFILE=$pcaps/tls-chromium.keys chromium pages 'http://server.example.com/chat.html?socket=wss://server.example.com/echo'
  with_keys tls-chromium
}

tls_node() { # NAME NODE'S OPTIONS
  v4
  certificate
  secure_server -library gorilla
  capture $client $1.pcap
  rm -f "$pcaps/$1.keys"
  run node --no-warnings "${@:2}" "$here/node/client.js" chat wss://server.example.com/chat '{"rejectUnauthorized":false}'
}
make_tls_node() {
  tls_node tls-node --tls-keylog="$pcaps/tls-node.keys"
  with_keys tls-node
}
make_tls12_node() {
  tls_node tls12-node --tls-max-v1.2 --tls-keylog="$pcaps/tls12-node.keys"
  with_keys tls12-node
}

make_tls_go() {
  v4
  certificate
  secure_server -library gobwas
  capture $client tls-go.pcap
  run "$work/peers" -library gorilla -dial wss://server.example.com/echo -keys "$pcaps/tls-go.keys"
  with_keys tls-go
}

# RSA key exchange: the server's private key, made for this capture, is enough.
make_tls12_rsa() {
  v4
  certificate rsa:2048 -sha256
  secure_server -library gorilla -rsa
  capture $client tls12-rsa.pcap
  node_client chat wss://server.example.com/chat '{"rejectUnauthorized":false,"ciphers":"AES128-GCM-SHA256","maxVersion":"TLSv1.2"}'
  install -m 644 "$work/key.pem" "$pcaps/tls12-rsa.pem"
  finish tls12-rsa -o "uat:rsa_keys:\"$pcaps/tls12-rsa.pem\",\"\""
}

# Captures in which there is no WebSocket to see: they have no record.
make_tls_nokeys() {
  tls_node tls-nokeys
  finish_capture
  pids_stop
}

make_http_only() {
  need curl
  v4
  start server $server node "$here/node/server.js" 0.0.0.0 80
  capture $client http-only.pcap
  run curl -s http://server.example.com/ http://server.example.com/a --next -s -d some=form http://server.example.com/b >/dev/null
  run curl -s -H 'Expect: 100-continue' -T "$here/node/package.json" http://server.example.com/c >/dev/null
  finish_capture
  pids_stop
}

make_sse() {
  need curl
  v4
  start server $server node "$here/node/server.js" 0.0.0.0 80
  capture $client sse.pcap
  run curl -sN -H 'Accept: text/event-stream' http://server.example.com/events >/dev/null
  finish_capture
  pids_stop
}

# Socket.IO that never upgrades.
make_polling() {
  v4
  start server $server node "$here/node/socketio.js" server 0.0.0.0 80
  capture $client polling.pcap
  run node "$here/node/socketio.js" client http://server.example.com polling
  finish_capture
  pids_stop
}

make_ssh() {
  need /usr/sbin/sshd ssh ssh-keygen
  v4
  mkdir -p /run/sshd
  ssh-keygen -q -t ed25519 -N '' -f "$work/host"
  ip netns exec $server /usr/sbin/sshd -D -e -f /dev/null -h "$work/host" -o UsePAM=no 2>"$work/sshd.err" &
  pids+=($!)
  listening $server 22
  capture $client ssh.pcap
  # Refused, as nobody has a key for it: the capture is to hold a banner and a key exchange.
  ip netns exec $client ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -F none nobody@server.example.com 2>/dev/null || true
  finish_capture
  pids_stop
}

make_dns() {
  need dnsmasq dig
  v4
  ip netns exec $server dnsmasq -k -C /dev/null --no-resolv --no-hosts --address=/server.example.com/10.0.0.2 --user=root --pid-file 2>"$work/dns.err" &
  pids+=($!)
  listening $server 53
  capture $client dns.pcap udp
  run dig @10.0.0.2 server.example.com +short >/dev/null
  run dig @10.0.0.2 other.example.com AAAA +short >/dev/null
  finish_capture
  pids_stop
}
