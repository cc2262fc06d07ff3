// As check.js, for HTTP/2: node check-h2.js CAPTURE RECORD [tshark's options]
// tshark 4.0 shows what a stream carries as DATA without a word on WebSocket. So tshark opens TCP, TLS and HTTP/2, and the
// `ws` library's receiver reads the frames. Every message of an end's record must be there, byte for byte, in both directions.
'use strict';
const fs = require('fs');
const crypto = require('crypto');
const { execFileSync } = require('child_process');
const WebSocket = require(`${__dirname}/node/node_modules/ws`);

const [capture, record, ...options] = process.argv.slice(2);
const ports = [80, 443].flatMap((port) => ['-d', `tcp.port==${port},${port === 80 ? 'http2' : 'tls'}`]);
const packets = JSON.parse(execFileSync('tshark', ['-r', capture, ...ports, ...options, '-2', '-Y', 'http2', '-T', 'json', '--no-duplicate-keys'],
  { maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'ignore'] }));

const streams = new Map(); // of one connection
const list = (x) => (x === undefined ? [] : [].concat(x));
for (const { _source: { layers } } of packets) {
  const port = Number(list(layers.tcp)[0]['tcp.srcport']);
  const dir = port === 80 || port === 443 ? 'receive' : 'send';
  for (const frame of list(layers.http2).flatMap((h) => list(h['http2.stream']))) {
    const id = frame['http2.streamid'];
    if (!streams.has(id)) streams.set(id, { path: undefined, status: undefined, send: [], receive: [] });
    const stream = streams.get(id);
    const headers = Object.fromEntries(list(frame['http2.header']).map((h) => [h['http2.header.name'], h['http2.header.value']]));
    if (headers[':method'] === 'CONNECT' && headers[':protocol'] === 'websocket') stream.path = headers[':path'];
    if (headers[':status']) stream.status ??= Number(headers[':status']), stream.extensions = headers['sec-websocket-extensions'];
    const data = frame['http2.data.data'];
    if (data) stream[dir].push(Buffer.from(data.replace(/:/g, ''), 'hex'));
  }
}

let wrong = 0, compared = 0;
const say = (...words) => (wrong++, console.error(`${capture}:`, ...words));
const { connections } = JSON.parse(fs.readFileSync(record));

(async () => {
  const free = [...streams.values()].filter((s) => s.path);
  if (free.length !== connections.length) say('the record has', connections.length, 'WebSockets, the capture', free.length);
  for (const c of connections) {
    const stream = free.find((s) => s.path === c.path);
    if (!stream) { say('no stream for', c.path); continue; }
    for (const end of [c.client, c.server].filter(Boolean)) {
      // A proxy may have the server's end over HTTP/1.1.
      if (![undefined, 101, stream.status].includes(end.status)) say(c.path, 'status', end.status, 'capture', stream.status);
      if (!end.events) { compared++; continue; }
      for (const dir of ['send', 'receive']) {
        const want = end.events.filter((e) => e.dir === dir).map(words);
        const got = (await read(Buffer.concat(stream[dir]), dir === 'send', stream.extensions)).filter((e) => end.hears.includes(e.kind)).map(words);
        compared += got.length;
        if (JSON.stringify(want) !== JSON.stringify(got)) say(c.path, dir, '\n  record ', JSON.stringify(want), '\n  capture', JSON.stringify(got));
      }
    }
  }
  console.log(`${capture}: ${connections.length} WebSockets, ${compared} events compared, ${wrong} differences`);
  if (!compared) say('nothing compared');
  process.exit(wrong ? 1 : 0);
})();

// read gives one direction's bytes to a receiver.
function read(bytes, fromClient, header) {
  const extensions = {};
  const agreed = header && WebSocket.extension.parse(header)['permessage-deflate'];
  if (agreed) {
    const deflate = new WebSocket.PerMessageDeflate({ isServer: !fromClient });
    extensions['permessage-deflate'] = inflater(deflate, agreed, fromClient);
  }
  const receiver = new WebSocket.Receiver({ isServer: fromClient, extensions });
  const events = [];
  for (const kind of ['ping', 'pong']) receiver.on(kind, (data) => events.push({ kind, data }));
  receiver.on('message', (data, binary) => events.push({ kind: binary ? 'binary' : 'text', data }));
  receiver.on('conclude', (code, reason) => events.push({ kind: 'close', code, reason: String(reason) }));
  return new Promise((resolve, reject) => {
    receiver.on('error', reject);
    receiver.on('finish', () => resolve(events));
    receiver.end(bytes);
  });
}

// inflater plays the end that hears this direction.
function inflater(deflate, agreed, fromClient) {
  deflate._isServer = fromClient;
  deflate.params = deflate.normalizeParams(agreed)[0];
  return deflate;
}

function words(e) {
  if (e.kind === 'close') return `close ${e.code === 1005 ? '' : e.code ?? ''} ${e.reason || ''}`;
  const data = e.data ?? (e.text !== undefined ? Buffer.from(e.text) : e.base64 !== undefined ? Buffer.from(e.base64, 'base64') : undefined);
  return `${e.kind} ${data ? data.length : e.length} ${data ? crypto.createHash('sha256').update(data).digest('hex') : e.sha256}`;
}
