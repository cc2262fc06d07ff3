// Holds what wsdump tells of a load to what the endpoints counted: node tally.js COUNTS LIST SERVER.log... <NDJSON
// COUNTS is what node/load.js wrote, LIST what `wsdump list -T ndjson` did, standard input what `wsdump -T ndjson` does.
'use strict';
const fs = require('fs');
const readline = require('readline');

const [counts, list, ...logs] = process.argv.slice(2);
const kinds = ['text', 'binary', 'ping', 'pong', 'close'];
const zero = () => Object.fromEntries([...kinds, 'bytes'].map((k) => [k, 0]));
const frames = (tally) => kinds.reduce((n, kind) => n + tally[kind], 0);
const client = JSON.parse(fs.readFileSync(counts));
let wrong = 0;
const say = (...words) => (wrong++, console.error('load:', ...words));

function same(what, got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) say(`${what}: ${JSON.stringify(got)}, and the client counted ${JSON.stringify(want)}`);
}

async function* lines(stream) {
  for await (const line of readline.createInterface({ input: stream, crlfDelay: Infinity })) if (line) yield JSON.parse(line);
}

async function servers() {
  const tally = { send: zero(), receive: zero() };
  for (const log of logs) {
    for await (const { event } of lines(fs.createReadStream(log))) {
      if (!event) continue;
      tally[event.dir][event.kind]++;
      tally[event.dir].bytes += event.length ?? (event.code ? 2 + Buffer.byteLength(event.reason) : 0);
    }
  }
  for (const dir of ['send', 'receive']) same(`the servers, ${dir}`, tally[dir], client[dir]);
}

async function timeline() {
  const tally = { send: zero(), receive: zero() };
  let summary;
  for await (const line of lines(process.stdin)) {
    if (line.type === 'message' && (line.frames !== 1 || line.incomplete || line.truncated)) say('not one whole frame:', JSON.stringify(line).slice(0, 300));
    if (line.type === 'message' || line.type === 'control') {
      tally[line.dir][line.kind ?? line.op]++;
      tally[line.dir].bytes += line.length;
    }
    if (line.type === 'finding' && line.severity !== 'note' && wrong < 10) say('wsdump finds', JSON.stringify(line));
    if (line.type === 'summary') summary = line;
  }
  for (const dir of ['send', 'receive']) same(`wsdump's rows, ${dir}`, tally[dir], client[dir]);
  if (!summary) return say('wsdump wrote no summary');
  same('frames of the summary', summary.frames, frames(client.send) + frames(client.receive));
  same('connections of the summary', summary.connections, client.connections);
  if (summary.findings.error || summary.findings.warning) say('wsdump finds', JSON.stringify(summary.findings));
  return summary;
}

async function connections() {
  const tally = { sent: { frames: 0, bytes: 0 }, received: { frames: 0, bytes: 0 } };
  let n = 0;
  for await (const line of lines(fs.createReadStream(list))) {
    if (line.type !== 'connection') continue;
    n++;
    for (const side of ['sent', 'received']) {
      tally[side].frames += line[side].frames;
      tally[side].bytes += line[side].bytes;
    }
    if (!line.clean || line.code !== 1000) say('not a clean close:', JSON.stringify(line));
  }
  same('connections of the list', n, client.connections);
  for (const [side, dir] of [['sent', 'send'], ['received', 'receive']]) {
    same(`the list, ${side}`, tally[side], { frames: frames(client[dir]), bytes: client[dir].bytes });
  }
}

(async () => {
  await servers();
  await connections();
  const summary = await timeline();
  const all = frames(client.send) + frames(client.receive);
  if (all < 300000) say(`only ${all} frames were sent`);
  if (summary) console.log(`load: ${client.connections} connections, ${summary.packets} packets, ${all} frames, ${wrong} differences`);
  process.exit(wrong ? 1 : 0);
})();
