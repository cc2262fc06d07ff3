# One function a fixture; make.sh calls them by name ("-" becomes "_").
all=(chat fragments large refused-400 refused-426 ipv6)

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
