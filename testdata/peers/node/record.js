// What a peer itself saw and sent, one JSON object a line, written at once so that a killed peer loses nothing.
// The hooks sit on the library's own sender and receiver, above the wire format: they never look at bytes that wsdump would decode.
'use strict';
const fs = require('fs');
const crypto = require('crypto');

const file = process.env.PEER_RECORD;
let connections = 0;

// Texts up to this many bytes, and binaries up to bytesLimit, are written out; of longer ones the length and the SHA-256.
const textLimit = 2048;
const bytesLimit = 256;

function write(line) {
  if (file) fs.appendFileSync(file, JSON.stringify(line) + '\n');
}

function payload(kind, data) {
  const bytes = Buffer.isBuffer(data) ? data : typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer || data);
  const out = { length: bytes.length };
  const text = bytes.toString();
  if (kind !== 'binary' && bytes.length <= textLimit && Buffer.from(text).equals(bytes)) out.text = text;
  else if (bytes.length <= bytesLimit) out.base64 = bytes.toString('base64');
  else out.sha256 = crypto.createHash('sha256').update(bytes).digest('hex');
  return out;
}

const address = (host, port) => (host && host.replace(/^::ffff:/, '').includes(':') ? `[${host}]:${port}` : `${(host || '').replace(/^::ffff:/, '')}:${port}`);

class Log {
  constructor(about) {
    this.conn = ++connections;
    write({ conn: this.conn, open: { hears: ['text', 'binary', 'ping', 'pong', 'close'], ...about } });
  }
  message(dir, kind, data, frames = 1) {
    const event = { dir, kind, ...payload(kind, data) };
    if (frames > 1) event.frames = frames;
    write({ conn: this.conn, event });
  }
  close(dir, code, reason) {
    const event = { dir, kind: 'close' };
    if (code && code !== 1005) {
      event.code = code;
      event.reason = String(reason || '');
    }
    write({ conn: this.conn, event });
  }
}

// addresses tells both ends of a socket, as this end knows them.
function addresses(socket) {
  return { local: address(socket.localAddress, socket.localPort), remote: address(socket.remoteAddress, socket.remotePort) };
}

const version = (name) => JSON.parse(fs.readFileSync(`${__dirname}/node_modules/${name}/package.json`)).version;
const library = (name) => `${name} ${version(name)} (Node ${process.versions.node})`;

// hookWs makes every WebSocket of a copy of the `ws` library write its log, also those that socket.io opens.
function hookWs(WebSocket = require('ws'), name = library('ws')) {
  const { completeUpgrade } = WebSocket.Server.prototype;
  WebSocket.Server.prototype.completeUpgrade = function (extensions, key, protocols, req, socket, ...rest) {
    socket.request = req;
    return completeUpgrade.call(this, extensions, key, protocols, req, socket, ...rest);
  };
  const { setSocket } = WebSocket.prototype;
  WebSocket.prototype.setSocket = function (socket, ...rest) {
    this.prependOnceListener('open', () => attach(this, socket, name));
    return setSocket.call(this, socket, ...rest);
  };
}

function attach(ws, socket, name) {
  const server = ws._isServer;
  const out = server ? 'receive' : 'send';
  const back = server ? 'send' : 'receive';
  const log = new Log({
    library: name, role: server ? 'server' : 'client', ...addresses(socket),
    path: server ? socket.request.url : new URL(ws.url).pathname + new URL(ws.url).search,
    status: socket.status ?? 101, subprotocol: ws.protocol, compression: ws.extensions.includes('permessage-deflate'),
  });
  ws.log = log;
  const sender = ws._sender;
  let parts = [], kind;
  wrap(sender, 'send', (data, options) => {
    const bytes = Buffer.isBuffer(data) ? data : typeof data === 'string' ? Buffer.from(data) : Buffer.from(data);
    if (parts.length === 0) kind = options.binary ? 'binary' : 'text';
    parts.push(bytes);
    if (!options.fin) return;
    log.message(out, kind, Buffer.concat(parts), parts.length);
    parts = [];
  });
  wrap(sender, 'ping', (data) => log.message(out, 'ping', data));
  wrap(sender, 'pong', (data) => log.message(out, 'pong', data));
  wrap(sender, 'close', (code, reason) => log.close(out, code, reason));
  const receiver = ws._receiver;
  receiver.prependListener('message', (data, binary) => log.message(back, binary ? 'binary' : 'text', data));
  receiver.prependListener('ping', (data) => log.message(back, 'ping', data));
  receiver.prependListener('pong', (data) => log.message(back, 'pong', data));
  receiver.prependListener('conclude', (code, reason) => log.close(back, code, reason));
}

function wrap(object, method, before) {
  const original = object[method];
  object[method] = function (...args) {
    before(...args);
    return original.apply(this, args);
  };
}

module.exports = { Log, addresses, hookWs, library, wrap };
