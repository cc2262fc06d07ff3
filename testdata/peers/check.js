// Holds a capture to the record beside it, with tshark as the judge: node check.js CAPTURE RECORD [tshark's options]
// For every connection and direction: the kinds of messages in order, and (uncompressed) their lengths and frames.
'use strict';
const fs = require('fs');
const { execFileSync } = require('child_process');

const [capture, record, ...options] = process.argv.slice(2);

// JSON keeps the frames of one packet apart, which -T fields does not where a length has three forms.
const packets = JSON.parse(execFileSync('tshark', ['-r', capture, '-d', 'tcp.port==80,http', ...options, '-2', '-Y', 'websocket or (http and tcp)', '-T', 'json', '--no-duplicate-keys'],
  { maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'ignore'] }));

const kinds = { 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' };
const streams = new Map();
for (const { _source: { layers } } of packets) {
  const tcp = layers.tcp;
  if (!tcp) continue;
  const one = Array.isArray(tcp) ? tcp[tcp.length - 1] : tcp;
  const id = one['tcp.stream'];
  const ip = layers.ip || layers.ipv6;
  const address = ip['ip.src'] || `[${ip['ipv6.src']}]`;
  if (!streams.has(id)) streams.set(id, { upgrades: [], events: { send: [], receive: [] }, part: {} });
  const stream = streams.get(id);
  const http = [].concat(layers.http || []);
  for (const h of http) {
    for (const key of Object.keys(h)) {
      const inner = h[key];
      if (inner && inner['http.request.uri'] && JSON.stringify(h).toLowerCase().includes('upgrade: websocket')) {
        stream.client = `${address}:${one['tcp.srcport']}`;
        stream.upgrades.push({ path: inner['http.request.uri'] });
      }
      if (inner && inner['http.response.code'] && stream.upgrades.length) stream.upgrades[stream.upgrades.length - 1].status ??= Number(inner['http.response.code']);
    }
  }
  const dir = stream.client === `${address}:${one['tcp.srcport']}` ? 'send' : 'receive';
  for (const ws of [].concat(layers.websocket || [])) {
    const opcode = Number(ws['websocket.opcode']);
    const length = Number(ws['websocket.payload_length_ext_64'] ?? ws['websocket.payload_length_ext_16'] ?? ws['websocket.payload_length']);
    const fin = ['1', 'true', true, 1].includes(ws['websocket.fin']);
    if (opcode >= 8) {
      stream.events[dir].push({ kind: kinds[opcode], length, frames: 1 });
      continue;
    }
    if (opcode) stream.part[dir] = { kind: kinds[opcode], length: 0, frames: 0 };
    const part = stream.part[dir] || { kind: 'orphan', length: 0, frames: 0 };
    part.length += length;
    part.frames++;
    if (fin) stream.events[dir].push(part);
  }
}

let wrong = 0;
const say = (...words) => (wrong++, console.error(`${capture}:`, ...words));
const { connections } = JSON.parse(fs.readFileSync(record));
const free = [...streams.values()].filter((s) => s.upgrades.length);
let compared = 0;
// Behind a proxy, one connection of the record is two of the capture.
const expected = new Set(connections.flatMap((c) => [c.client?.local ?? c.server?.remote ?? c.path, c.server?.remote ?? c.client.local].map((a) => `${a} ${(c.client ?? c.server).status}`)));
const seen = free.reduce((n, s) => n + s.upgrades.length, 0);
if (expected.size !== seen) say('the record has', expected.size, 'connections, the capture', seen);
for (const c of connections) {
  for (const side of ['client', 'server']) {
    const end = c[side];
    if (!end) continue;
    const mine = side === 'client' ? end.local : end.remote;
    const stream = free.find((s) => (mine ? s.client === mine : s.upgrades.some((u) => u.path === c.path)));
    if (!stream) { say('no connection for', side, c.path, mine); continue; }
    if (!stream.upgrades.some((u) => u.path === c.path && u.status === end.status)) say(c.path, side, 'status', end.status, 'capture', JSON.stringify(stream.upgrades));
    if (end.status !== 101) { compared++; continue; }
    for (const dir of ['send', 'receive']) {
      const want = end.events.filter((e) => e.dir === dir).map((e) => shape(e, end));
      const got = stream.events[dir].filter((e) => end.hears.includes(e.kind)).map((e) => shape(e, end, true));
      compared += got.length;
      if (JSON.stringify(want) !== JSON.stringify(got)) say(c.path, side, mine || '', dir, '\n  record ', JSON.stringify(want), '\n  capture', JSON.stringify(got));
    }
  }
}
console.log(`${capture}: ${connections.length} connections, ${compared} events compared, ${wrong} differences`);
if (!compared && connections.length) say('nothing compared');
process.exit(wrong ? 1 : 0);

function shape(e, end, captured) {
  if (e.kind === 'close') return captured ? `close ${e.length}` : `close ${e.code ? 2 + Buffer.byteLength(e.reason) : 0}`;
  return end.compression && (e.kind === 'text' || e.kind === 'binary') ? e.kind : `${e.kind} ${e.length}`;
}
