# One function a fixture; make.sh calls them by name ("-" becomes "_").
all=(chat fragments large refused-400 refused-426 ipv6
  pings faye socketio gobwas-client gorilla-client coder-client python megabyte closes killed dropped reset refused-401-retry refused-403-404-503
  deflate-browser deflate-firefox deflate-node deflate-node-threshold deflate-node-no-takeover deflate-node-windows
  deflate-coder deflate-coder-no-takeover deflate-gorilla deflate-python)

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
  capture_ng $client ipv6.pcapng
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
page() { # NAME BROWSER...
  local name=$1
  shift
  capture $client $name.pcap 'tcp port 80'
  HOME=$work/home ip netns exec $client "$@" >"$work/browser.out" 2>&1 &
  local pid=$!
  pids+=($pid)
  wait_for "$work/server.out" done
  sleep 1
  kill $pid
  finish $name
}

chromium() {
  need chromium
  mkdir -p "$work/home"
  page $1 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update \
    --disable-sync --disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable --user-data-dir="$work/chromium" "$2"
}

firefox() {
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
  page $1 firefox-esr --headless --no-remote --profile "$work/firefox" "$2"
}

make_deflate_browser() {
  v4
  go_server -library coder -deflate takeover -files "$here/pages" -collect "$work/client.log"
  chromium deflate-browser http://server.example.com/chat.html
}

make_deflate_firefox() {
  v4
  go_server -library gorilla -deflate no-takeover -files "$here/pages" -collect "$work/client.log"
  firefox deflate-firefox http://server.example.com/chat.html
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
