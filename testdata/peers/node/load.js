// Many connections at once to servers that echo: node load.js MESSAGES IN_FLIGHT CONNECTIONS URL [CONNECTIONS URL]...
// CONNECTIONS is a number, with "z" behind it for permessage-deflate. At the end it writes what it sent and heard itself:
// {"connections": 2, "send": {"text": 9, ..., "bytes": 99}, "receive": {...}}
'use strict';
const WebSocket = require('ws');

const [messages, inFlight, ...groups] = process.argv.slice(2);
const zero = () => ({ text: 0, binary: 0, ping: 0, pong: 0, close: 0, bytes: 0 });
const total = { connections: 0, send: zero(), receive: zero() };

function count(dir, kind, length) {
  total[dir][kind]++;
  total[dir].bytes += length;
}

// Lengths of all three forms, mostly short; the same in every run.
const text = Buffer.from('{"type":"price","symbol":"ABC","name":"Grüße 你好","price":101.25} '.repeat(1100)).subarray(0, 70000).toString();
function length(i) {
  if (i % 1000 === 999) return 66000;
  if (i % 50 === 7) return 130 + (i % 2000);
  return (i * 7) % 140;
}

function connection(url, deflate) {
  const ws = new WebSocket(url, { perMessageDeflate: deflate && { threshold: 0 } });
  let sent = 0, answered = 0, pings = 0, pongs = 0;
  const close = () => {
    const reason = 'enough';
    count('send', 'close', 2 + reason.length);
    ws.close(1000, reason);
  };
  const next = () => {
    while (sent < messages && sent - answered < inFlight) {
      const i = sent++;
      if (i % 40 === 3) {
        const payload = String(i);
        pings++;
        count('send', 'ping', payload.length);
        ws.ping(payload);
      }
      // The server's ping is the answer to this one.
      const data = i % 60 === 5 ? `!ping ${i}` : i % 3 === 2 ? Buffer.alloc(length(i), i) : text.slice(0, length(i));
      count('send', typeof data === 'string' ? 'text' : 'binary', Buffer.byteLength(data));
      ws.send(data);
    }
    if (answered === Number(messages) && pongs === pings) close();
  };
  const heard = (kind, data) => {
    count('receive', kind, data.length);
    if (kind === 'pong') pongs++;
    else answered++;
    next();
  };
  return new Promise((resolve, reject) => {
    ws.on('error', reject);
    ws.on('open', next);
    ws.on('message', (data, binary) => heard(binary ? 'binary' : 'text', data));
    ws.on('pong', (data) => heard('pong', data));
    ws.on('ping', (data) => {
      count('send', 'pong', data.length); // the library has sent it
      heard('ping', data);
    });
    ws.on('close', (code, reason) => {
      if (code !== 1000) return reject(new Error(`closed with ${code}`));
      count('receive', 'close', 2 + reason.length);
      total.connections++;
      resolve();
    });
  });
}

const all = [];
for (let g = 0; g < groups.length; g += 2) {
  for (let n = 0; n < parseInt(groups[g], 10); n++) all.push(connection(groups[g + 1], groups[g].endsWith('z')));
}
Promise.all(all).then(() => console.log(JSON.stringify(total)), (err) => {
  console.error(err);
  process.exit(1);
});
