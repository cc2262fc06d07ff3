// WebSocket over HTTP/2 (RFC 8441): Node's http2 opens the streams, the `ws` library frames what they carry.
// node h2.js server ADDRESS PORT [JSON options: perMessageDeflate; cert (a file with key, for TLS); pages (a folder); collect (a file for a page's log)]
// node h2.js client SCENARIO URL
'use strict';
const fs = require('fs');
const path = require('path');
const http2 = require('http2');
const WebSocket = require('ws');
const { behave } = require('./behave');
const { conn } = require('./conn');
const { Log, addresses, hookWs, library } = require('./record');
const { scenarios } = require('./scenarios');

hookWs();
const name = library('ws');
const deflate = WebSocket.PerMessageDeflate.extensionName;
const defaults = { autoPong: true, closeTimeout: 30000 }; // which the library has only for sockets of its own
const ok = (status) => status >= 200 && status < 300;

// attach gives a stream to a WebSocket, as the library itself does with a socket after its handshake.
function attach(ws, stream, status) {
  Object.assign(stream, addresses2(stream), { status, resetAndDestroy: () => stream.destroy(Object.assign(new Error('reset'), { name: 'AbortError' })) });
  ws.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: 0, skipUTF8Validation: false });
}

// addresses2 are those of the connection: all its streams have the same.
function addresses2({ session: { socket } }) {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  return { localAddress, localPort, remoteAddress, remotePort };
}

function server(address, port, { perMessageDeflate, cert, pages, collect }) {
  const settings = { enableConnectProtocol: true };
  const pem = cert && fs.readFileSync(cert);
  const server = cert ? http2.createSecureServer({ settings, cert: pem, key: pem }) : http2.createServer({ settings });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    if (headers[':method'] === 'CONNECT') return open(stream, headers, perMessageDeflate);
    const url = new URL(headers[':path'], 'http://server');
    if (headers[':method'] === 'POST') return post(stream, collect);
    const file = pages && path.join(pages, path.basename(url.pathname));
    if (pages && !fs.existsSync(file)) return stream.respond({ ':status': 404 }, { endStream: true });
    stream.respond({ 'content-type': pages ? 'text/html; charset=utf-8' : 'text/plain' });
    stream.end(pages ? fs.readFileSync(file) : 'plain HTTP/2\n');
  });
  server.listen(Number(port), address, () => console.log('ready'));
  process.on('SIGTERM', () => process.exit(0));
}

function open(stream, headers, perMessageDeflate) {
  const target = headers[':path'];
  const denied = target.match(/\/deny\/(\d+)$/);
  if (denied) {
    const status = Number(denied[1]);
    new Log({ library: name, role: 'server', ...addresses(addresses2(stream)), path: target, status });
    stream.respond({ ':status': status });
    return stream.end('no\n');
  }
  const ws = new WebSocket(null, undefined, defaults);
  const answer = { ':status': 200 };
  if ((headers['sec-websocket-protocol'] || '').split(/, */).includes('chat')) answer['sec-websocket-protocol'] = ws._protocol = 'chat';
  const asked = headers['sec-websocket-extensions'];
  const offers = asked ? WebSocket.extension.parse(asked) : {};
  if (perMessageDeflate && offers[deflate]) {
    const agreed = new WebSocket.PerMessageDeflate({ ...perMessageDeflate, isServer: true });
    agreed.accept(offers[deflate]);
    ws._extensions[deflate] = agreed;
    answer['sec-websocket-extensions'] = WebSocket.extension.format({ [deflate]: [agreed.params] });
  }
  stream.respond(answer);
  stream.request = { url: target };
  attach(ws, stream, 200);
  const { send, ping, close, fragments } = conn(ws);
  ws.on('message', (data, binary) => behave({ send, ping, close, fragments }, target, data, binary));
  ws.on('error', () => {});
}

// post does for a page what go/collect.go does: an origin that is secure takes its log itself.
function post(stream, collect) {
  const chunks = [];
  stream.on('data', (chunk) => chunks.push(chunk));
  stream.on('end', () => {
    fs.writeFileSync(collect, Buffer.concat(chunks));
    stream.respond({ ':status': 200 });
    stream.end(() => console.log('done'));
  });
}

async function client(scenario, url) {
  process.exitCode = 1; // when the session ends early
  const { origin, pathname } = new URL(url);
  const session = http2.connect(origin, { rejectUnauthorized: false });
  const [settings] = await new Promise((resolve, reject) => session.once('remoteSettings', (...all) => resolve(all)).once('error', reject));
  if (!settings.enableConnectProtocol) throw new Error('the server does not offer RFC 8441');
  const answered = (stream) => new Promise((resolve, reject) => stream.once('response', (headers) => resolve(headers[':status'])).once('error', reject));

  const dial = async (more = '', { protocols = [] } = {}) => {
    const target = pathname + more;
    const headers = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': target, 'sec-websocket-version': '13' };
    if (protocols.length) headers['sec-websocket-protocol'] = protocols.join(', ');
    const stream = session.request(headers, { endStream: false });
    const ws = new WebSocket(null, undefined, defaults);
    ws._isServer = false;
    ws._url = origin + target;
    const answer = await new Promise((resolve, reject) => stream.once('response', resolve).once('error', reject));
    const status = answer[':status'];
    if (!ok(status)) {
      new Log({ library: name, role: 'client', ...addresses(addresses2(stream)), path: target, status });
      stream.resume().end();
      return undefined;
    }
    ws._protocol = answer['sec-websocket-protocol'] || '';
    attach(ws, stream, status);
    return conn(ws);
  };
  // get is a plain request beside the WebSockets.
  dial.get = async (target) => {
    const stream = session.request({ ':path': target });
    const status = await answered(stream);
    stream.resume();
    await new Promise((resolve) => stream.once('close', resolve));
    return status;
  };
  await scenarios[scenario](dial);
  await new Promise((resolve) => session.close(resolve));
}

const [role, ...rest] = process.argv.slice(2);
if (role === 'server') server(rest[0], rest[1], JSON.parse(rest[2] || '{}'));
else client(...rest).then(() => process.exit(0), (err) => {
  console.error(err);
  process.exit(1);
});
