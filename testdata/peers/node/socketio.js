// The peers made of socket.io, which begins with HTTP long polling and then upgrades: node socketio.js server ADDRESS PORT, or node socketio.js client URL [polling]
// The record holds the Engine.IO packets ("2probe", "42[...]") as the WebSocket library below was given them; what was polled is not in it.
'use strict';
const http = require('http');
const { hookWs, library } = require('./record');

const [role, a, b] = process.argv.slice(2);
// Both have a copy of the `ws` library of their own.
const copy = require.resolve('ws', { paths: [require.resolve(role === 'server' ? 'engine.io' : 'engine.io-client')] });
hookWs(require(copy), library(role === 'server' ? 'socket.io' : 'socket.io-client'));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

if (role === 'server') {
  const { Server } = require('socket.io');
  const server = http.createServer();
  const io = new Server(server, { pingInterval: 1000, pingTimeout: 1000 });
  io.on('connection', (socket) => {
    socket.emit('welcome', { id: 1 });
    socket.on('message', (text, done) => done(`heard ${text}`));
    socket.on('file', (data) => socket.emit('file', Buffer.from(data).reverse()));
  });
  server.listen(Number(b), a, () => console.log('ready'));
  process.on('SIGTERM', () => process.exit(0));
} else {
  const { io } = require('socket.io-client');
  const socket = io(a, b ? { transports: [b] } : {});
  socket.on('connect', async () => {
    const { engine } = socket.io;
    const upgraded = b || engine.transport.name === 'websocket' ? Promise.resolve() : new Promise((resolve) => engine.once('upgrade', resolve));
    await socket.emitWithAck('message', 'perhaps still polled');
    await upgraded;
    await socket.emitWithAck('message', 'over the WebSocket');
    const file = new Promise((resolve) => socket.once('file', resolve));
    socket.emit('file', Buffer.from([1, 2, 3, 4]));
    await file;
    await sleep(1500); // a heartbeat of Engine.IO
    socket.disconnect();
    await sleep(300);
    process.exit(0);
  });
}
