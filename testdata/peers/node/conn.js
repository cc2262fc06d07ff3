// What scenarios.js and behave.js use of a WebSocket of the `ws` library.
'use strict';

function conn(ws) {
  const arrived = [];
  const waiting = [];
  const push = (item) => (waiting.length ? waiting.shift()(item) : arrived.push(item));
  ws.on('message', (data, binary) => push({ kind: binary ? 'binary' : 'text', data }));
  ws.on('pong', (data) => push({ kind: 'pong', data }));
  const closed = new Promise((resolve) => ws.on('close', (code, reason) => resolve({ code, reason: String(reason) })));
  return {
    ws,
    send: (data) => ws.send(data),
    fragment: (data, fin, binary) => ws.send(data, { fin, binary }),
    fragments: (list) => list.forEach((part, i) => ws.send(part, { fin: i === list.length - 1 })),
    ping: (data) => ws.ping(data),
    close: (code, reason) => ws.close(code, reason),
    next: () => (arrived.length ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve))),
    closed,
    drop: () => ws._socket.destroy(),
    reset: () => ws._socket.resetAndDestroy(),
  };
}

module.exports = { conn };
