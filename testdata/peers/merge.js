// Joins the logs of two peers into one record: node merge.js CLIENT.log SERVER.log > NAME.record.json
// A client's connection belongs to the server's with the same addresses, or (browsers do not know theirs, proxies change them) to the next with the same path.
'use strict';
const fs = require('fs');

function read(file) {
  const connections = new Map();
  if (!fs.existsSync(file)) return [];
  for (const line of fs.readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const { conn, open, event } = JSON.parse(line);
    if (open) connections.set(conn, { ...open, events: [] });
    if (event) connections.get(conn).events.push(event);
  }
  return [...connections.values()];
}

// opened tells whether a connection became a WebSocket: 101, over HTTP/2 200, and a browser's page cannot tell which.
const opened = ({ status }) => [undefined, 101, 200].includes(status);
const alike = (a, b) => a.path === b.path && (a.status === b.status || opened(a) && opened(b));
const [clients, servers] = process.argv.slice(2, 4).map(read);
const connections = clients.map((client) => {
  let i = servers.findIndex((s) => client.local && s.remote === client.local && s.local === client.remote && alike(s, client));
  if (i < 0) i = servers.findIndex((s) => alike(s, client));
  return { path: client.path, client, server: i < 0 ? undefined : servers.splice(i, 1)[0] };
});
for (const server of servers) connections.push({ path: server.path, server });
for (const c of connections) for (const end of [c.client, c.server]) if (end) {
  delete end.role, delete end.path;
  // A refused one had no WebSocket.
  if (!opened(end)) for (const key of ['hears', 'events', 'subprotocol', 'compression']) delete end[key];
}

// One event a line: a record is read in reviews.
const pretty = JSON.stringify({ connections }, (key, value) => (key === 'events' ? value.map((e) => `@${JSON.stringify(e)}@`) : key === 'hears' ? `@${JSON.stringify(value)}@` : value), 2);
process.stdout.write(pretty.replace(/"@(.*)@"/g, (_, inner) => JSON.parse(`"${inner}"`)) + '\n');
