// The peers made of faye-websocket: node faye.js server ADDRESS PORT, or node faye.js client SCENARIO URL
'use strict';
const http = require('http');
const Faye = require('faye-websocket');
const { behave } = require('./behave');
const { Log, addresses, library, wrap } = require('./record');
const { scenarios } = require('./scenarios');

const kindOf = (data) => (typeof data === 'string' ? 'text' : 'binary');

// attach logs what the driver, which frames messages, is told to send and tells that it heard.
function attach(ws, role, path) {
  const [out, back] = role === 'client' ? ['send', 'receive'] : ['receive', 'send'];
  const driver = ws._driver;
  let log;
  const start = () => {
    log ||= new Log({ library: library('faye-websocket'), role, ...addresses(ws._stream), path, status: 101, subprotocol: ws.protocol, compression: false });
  };
  driver.on('open', start);
  wrap(driver, 'frame', (data, kind, code) => {
    start();
    if (kind === 'close') return log.close(out, code, data);
    if (kind === 'pong') log.message(back, 'ping', data); // the driver answers before it tells of the ping
    log.message(out, kind || kindOf(data), data);
  });
  wrap(driver, '_shutdown', (code, reason) => log.close(back, code, reason));
  driver.on('pong', ({ data }) => log.message(back, 'pong', data));
  driver.messages.on('data', (data) => log.message(back, kindOf(data), data));
}

function server(address, port) {
  const plain = http.createServer((req, res) => res.end('plain HTTP\n'));
  plain.on('upgrade', (req, socket, head) => {
    const ws = new Faye(req, socket, head);
    attach(ws, 'server', req.url);
    const conn = { send: (data) => ws.send(data), ping: (data) => ws.ping(data), close: (code, reason) => ws.close(code, reason) };
    ws.on('message', ({ data }) => behave(conn, req.url, data, typeof data !== 'string'));
  });
  plain.listen(Number(port), address, () => console.log('ready'));
}

function dial(url) {
  const ws = new Faye.Client(url);
  attach(ws, 'client', new URL(url).pathname);
  const arrived = [], waiting = [];
  const push = (item) => (waiting.length ? waiting.shift()(item) : arrived.push(item));
  ws.on('message', ({ data }) => push({ data }));
  return new Promise((resolve, reject) => {
    ws.on('error', reject);
    ws.on('open', () => resolve({
      send: (data) => ws.send(data),
      ping: (data) => ws.ping(data, () => push({ kind: 'pong' })),
      close: (code, reason) => ws.close(code, reason),
      next: () => (arrived.length ? Promise.resolve(arrived.shift()) : new Promise((r) => waiting.push(r))),
      closed: new Promise((r) => ws.on('close', r)),
    }));
  });
}

const [role, a, b] = process.argv.slice(2);
if (role === 'server') server(a, b);
else scenarios[a](() => dial(b)).then(() => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
