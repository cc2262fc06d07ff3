// A server made of the `ws` library: node server.js ADDRESS PORT [JSON options for ws]
// It writes "ready" when it listens, and stops on SIGTERM.
'use strict';
const http = require('http');
const WebSocket = require('ws');
const { behave } = require('./behave');
const { Log, addresses, hookWs, library } = require('./record');

hookWs();
const [address, port, options = '{}'] = process.argv.slice(2);
const wss = new WebSocket.Server({ noServer: true, perMessageDeflate: false, ...JSON.parse(options) });
const server = http.createServer((req, res) => (req.url === '/events' ? events(res) : res.end('plain HTTP\n')));

// events is what WebSocket is used in place of: Server-Sent Events.
function events(res) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  res.write('retry: 1000\n\n');
  let n = 0;
  const timer = setInterval(() => {
    res.write(`id: ${++n}\nevent: price\ndata: {"symbol":"ABC","price":${100 + n}}\n\n`);
    if (n === 4) clearInterval(timer), res.end();
  }, 300);
}

server.on('upgrade', (req, socket, head) => {
  const path = new URL(req.url, 'http://server').pathname;
  const denied = path.match(/\/deny\/(\d+)$/);
  if (denied) return refuse(req, socket, Number(denied[1]));
  if (path === '/login' && req.headers.authorization !== 'Bearer secret') return refuse(req, socket, 401);
  wss.handleUpgrade(req, socket, head, (ws) => {
    const conn = {
      send: (data) => ws.send(data),
      fragments: (list) => list.forEach((part, i) => ws.send(part, { fin: i === list.length - 1 })),
      ping: (data) => ws.ping(data),
      close: (code, reason) => ws.close(code, reason),
      drop: () => ws._socket.end(),
      reset: () => ws._socket.resetAndDestroy(),
    };
    if (path === '/idle') closeWhenIdle(ws);
    if (path === '/aging') setTimeout(conn.drop, 4000); // a maximum age, without a goodbye
    ws.on('message', (data, binary) => behave(conn, req.url, data, binary));
    ws.on('error', () => {});
  });
});

// closeWhenIdle is what servers do with clients that say nothing for long.
function closeWhenIdle(ws) {
  const timer = setTimeout(() => ws.close(1001, 'idle'), 2000);
  ws.on('message', () => timer.refresh());
}

// refuse answers by hand, and keeps the TCP connection for the next request as servers with authentication do.
function refuse(req, socket, status) {
  new Log({ library: library('ws'), role: 'server', ...addresses(socket), path: req.url, status });
  const body = `${http.STATUS_CODES[status]}\n`;
  const more = status === 401 ? 'WWW-Authenticate: Bearer realm="chat"\r\n' : status === 503 ? 'Retry-After: 120\r\n' : '';
  socket.write(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${more}Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  if (status !== 401) return socket.end();
  server.emit('connection', socket);
}

server.listen(Number(port), address, () => console.log('ready'));
process.on('SIGTERM', () => process.exit(0));
