// A client made of the `ws` library: node client.js SCENARIO URL [JSON options for ws]
'use strict';
const WebSocket = require('ws');
const { conn } = require('./conn');
const { Log, addresses, hookWs, library } = require('./record');
const { scenarios } = require('./scenarios');

hookWs();
const [scenario, url, options = '{}'] = process.argv.slice(2);

// dial opens one connection; it resolves with undefined when the server refuses.
function dial(path = '', more = {}) {
  const { protocols = [], ...rest } = { perMessageDeflate: false, autoPong: true, ...JSON.parse(options), ...more };
  const ws = new WebSocket(url + path, protocols, rest);
  return new Promise((resolve, reject) => {
    ws.on('error', reject);
    ws.on('unexpected-response', (req, res) => {
      new Log({ library: library('ws'), role: 'client', ...addresses(req.socket), path: req.path, status: res.statusCode });
      res.resume();
      res.on('end', () => resolve(undefined));
    });
    ws.on('open', () => resolve(conn(ws)));
  });
}

// A refused connection stays open for the next request; nobody makes one.
scenarios[scenario](dial).then(() => process.exit(0), (err) => {
  console.error(err);
  process.exit(1);
});
