// What a client does, whatever its library. dial(path, options) gives a conn: send, fragment(data, fin, binary), ping, close, next, closed.
'use strict';
const http = require('http');

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// digits is a text of n bytes in which every place can be told from its neighbours.
const digits = (n) => '0123456789'.repeat(Math.ceil(n / 10)).slice(0, n);
const bytes = (n) => Buffer.from(Array.from({ length: n }, (_, i) => (i * 7 + (i >> 8)) & 0xff));

// prose is a text of about n bytes whose words come back at all distances: what a sliding window of any size feels.
function prose(n) {
  const words = 'price quote order trade symbol market limit stop buy sell open close high low volume last change'.split(' ');
  let seed = 1, text = '';
  while (text.length < n) text += `${words[(seed = (seed * 16807) % 2147483647) % words.length]}${seed % 97} `;
  return text;
}

// ask sends and waits for one message in return.
async function ask(conn, data) {
  conn.send(data);
  return conn.next();
}

const scenarios = {
  async chat(dial) {
    const conn = await dial('', { protocols: ['chat', 'superchat'] });
    await ask(conn, 'hello');
    await sleep(600);
    await ask(conn, 'Grüße aus Köln 👋');
    await sleep(900);
    conn.send('{"type":"subscribe","channel":"prices","symbols":["ABC","XYZ"]}');
    for (let i = 0; i < 3; i++) await conn.next();
    await sleep(800);
    conn.ping('png');
    await conn.next();
    await sleep(500);
    await ask(conn, Buffer.from([0, 1, 2, 3, 0xfd, 0xfe, 0xff]));
    await sleep(2000);
    conn.close(1000, 'bye');
    await conn.closed;
  },

  // fragments: a text in three frames, cut inside a character, with a ping between, a binary in two with an empty last one, then the same from the server.
  async fragments(dial) {
    const conn = await dial();
    const text = Buffer.from('the first part ends inside the ä, the second has no end, the third one has');
    const cut = text.indexOf('ä') + 1;
    conn.fragment(text.subarray(0, cut), false, false);
    await sleep(50);
    conn.fragment(text.subarray(cut, cut + 20), false, false);
    await sleep(50);
    conn.ping('between the fragments');
    await conn.next(); // the pong comes before the message is complete
    conn.fragment(text.subarray(cut + 20), true, false);
    await conn.next();
    conn.fragment(Buffer.from([1, 2, 3]), false, true);
    conn.fragment(Buffer.alloc(0), true, true);
    await conn.next();
    conn.send('!fragments one two three four');
    await conn.next();
    conn.close(1000, '');
    await conn.closed;
  },

  // sizes: both sides of every length form of RFC 6455 5.2, as text and as binary.
  async sizes(dial) {
    const conn = await dial();
    for (const n of [0, 1, 125, 126, 127, 65535, 65536]) {
      await ask(conn, digits(n));
      await ask(conn, bytes(n));
    }
    conn.close(1000, '');
    await conn.closed;
  },

  // streams: two WebSockets at once on one HTTP/2 connection, a plain request and a refusal between; one closes, the other is reset.
  async streams(dial) {
    await dial.get('/');
    const one = await dial('?stream=one', { protocols: ['chat', 'superchat'] });
    const two = await dial('?stream=two');
    one.send('hello');
    two.send('Grüße aus Köln 👋');
    await Promise.all([one.next(), two.next()]);
    await ask(one, bytes(200));
    const text = Buffer.from('你好，世界，'.repeat(4));
    two.fragment(text.subarray(0, 20), false); // inside a character
    await ask(one, digits(17000)); // more than a DATA frame holds
    two.fragment(text.subarray(20, 40), false);
    two.ping('between the fragments');
    await two.next();
    two.fragment(text.subarray(40), true);
    await two.next();
    if (await dial('/deny/403')) throw new Error('the server did not refuse');
    one.send('!fragments one two three four');
    one.send('!ping from the server');
    await one.next();
    await Promise.all([ask(one, 'after the ping'), ask(two, digits(17000)), dial.get('/plain')]);
    one.close(1000, 'bye');
    await one.closed;
    await ask(two, 'still here');
    two.reset();
    await two.closed;
    await sleep(300);
  },

  // idle: the client says something and then nothing more, until the server closes.
  async idle(dial) {
    const conn = await dial();
    await ask(conn, 'hello');
    await conn.closed;
  },

  // silences: six connections that begin one after the other, say something for a while and then nothing more, until somebody ends them.
  async silences(dial) {
    await Promise.all(Array.from({ length: 6 }, async (_, i) => {
      await sleep(i * 450);
      const conn = await dial();
      for (let n = 0; n <= i; n++) {
        await ask(conn, `message ${n}`);
        await sleep(310);
      }
      await conn.closed;
    }));
  },

  // slowPings: a ping every 3 s, and messages that stop before the third would come.
  async slowPings(dial) {
    await Promise.all(Array.from({ length: 4 }, async (_, i) => {
      await sleep(i * 600);
      const conn = await dial();
      const timer = setInterval(() => conn.ping('still there?'), 3000);
      for (const end = Date.now() + 6200 + i * 150; Date.now() < end;) {
        await ask(conn, 'tick');
        await sleep(700);
      }
      await conn.closed;
      clearInterval(timer);
    }));
  },

  // untilClosed: five connections that never fall silent, until somebody ends them.
  async untilClosed(dial) {
    await Promise.all(Array.from({ length: 5 }, async (_, i) => {
      await sleep(i * 700);
      const conn = await dial();
      let n = 0;
      const timer = setInterval(() => conn.ws.readyState === 1 && conn.send(`message ${++n}`), 230 + i * 60);
      await conn.closed;
      clearInterval(timer);
    }));
  },

  // numbered: three connections at once, whose messages fill a packet and are numbered.
  async numbered(dial) {
    await Promise.all(Array.from({ length: 3 }, async (_, i) => {
      const conn = await dial(`?client=${i}`);
      for (let id = 1; id <= 24; id++) await ask(conn, JSON.stringify({ id, text: digits(180) }));
      conn.close(1000, '');
      await conn.closed;
    }));
  },

  async refused(dial) {
    if (await dial()) throw new Error('the server did not refuse');
  },

  async echo(dial) {
    const conn = await dial();
    await ask(conn, 'hello');
    await ask(conn, bytes(20));
    conn.ping('from the client');
    await conn.next();
    conn.send('!ping from the server');
    await ask(conn, 'after the ping');
    conn.send('!close 1001 going away');
    await conn.closed;
  },

  // faye: what that library's client can do, which closes with 1000 or 3000 and above only.
  async faye(dial) {
    const conn = await dial();
    await ask(conn, 'hello');
    await ask(conn, 'Grüße aus Köln 👋');
    await ask(conn, bytes(200));
    await ask(conn, digits(70000));
    conn.ping('from the client');
    await conn.next();
    conn.send('!ping from the server');
    await ask(conn, 'after the ping');
    conn.close(3001, 'done');
    await conn.closed;
  },

  // login: refused, then welcome with a token, on the same TCP connection.
  async login(dial) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    if (await dial('', { agent })) throw new Error('the server did not refuse');
    await sleep(200);
    const conn = await dial('', { agent, headers: { Authorization: 'Bearer secret' } });
    await ask(conn, 'hello');
    conn.close(1000, '');
    await conn.closed;
  },

  async denied(dial) {
    for (const status of [403, 404, 503]) if (await dial(`/${status}`)) throw new Error('the server did not refuse');
  },

  // megabyte: one message of 1 MiB each way.
  async megabyte(dial) {
    const conn = await dial();
    await ask(conn, digits(1 << 20));
    conn.close(1000, '');
    await conn.closed;
  },

  // trunk: segments of full size, both ways.
  async trunk(dial) {
    const conn = await dial();
    await ask(conn, 'hello');
    await ask(conn, digits(10000));
    conn.ping('png');
    await conn.next();
    conn.close(1000, 'bye');
    await conn.closed;
  },

  // pings: several in flight, an empty one, a pong that nobody asked for, and one of the longest kind.
  async pings(dial) {
    const conn = await dial();
    conn.ping('a');
    conn.ping('b');
    conn.ping('');
    conn.ping(digits(125));
    for (let i = 0; i < 4; i++) await conn.next();
    conn.ws.pong('unasked');
    conn.send('!ping x');
    await ask(conn, 'done');
    conn.close(1000, '');
    await conn.closed;
  },

  // closes: a connection for every code that may be sent, closed by the client, then closed by the server, then without a code.
  async closes(dial) {
    for (const code of closeCodes) {
      const conn = await dial(`?client=${code}`);
      conn.close(code, `client says ${code}`);
      await conn.closed;
    }
    for (const code of closeCodes) {
      const conn = await dial(`?server=${code}`);
      conn.send(`!close ${code} server says ${code}`);
      await conn.closed;
    }
    const conn = await dial('?client=none');
    conn.close();
    await conn.closed;
  },

  // silence: a message, then the client stays until it is killed.
  async silence(dial) {
    const conn = await dial();
    await ask(conn, 'hello');
    await sleep(60000);
  },

  async serverDrops(dial) {
    const conn = await dial();
    await ask(conn, 'hello');
    conn.send('!drop');
    await conn.closed;
  },

  async clientResets(dial) {
    const conn = await dial();
    await ask(conn, 'hello');
    conn.reset();
    await conn.closed;
  },

  // bomb: 128 MiB of zeros, which compress a thousandfold, then a message that must still be shown.
  async bomb(dial) {
    const conn = await dial();
    conn.send(Buffer.alloc(128 << 20));
    conn.send('after the bomb');
    conn.ping('');
    await conn.next();
    conn.close(1000, '');
    await conn.closed;
  },

  // lines: texts that repeat themselves, as chat and market data do, so that a compressor has a history to use.
  async lines(dial) {
    const conn = await dial();
    for (let i = 0; i < 12; i++) {
      await ask(conn, JSON.stringify({ type: 'price', channel: 'prices', symbol: i % 2 ? 'ABC' : 'XYZ', price: 100 + i * 0.25, sequence: i }));
    }
    await ask(conn, '');
    await ask(conn, bytes(300));
    await ask(conn, digits(5000));
    await ask(conn, prose(9000));
    await ask(conn, prose(9000));
    conn.ping('not compressed');
    await conn.next();
    conn.fragment('a compressed message '.repeat(20), false);
    conn.ping('between');
    await conn.next();
    conn.fragment('in two fragments '.repeat(20), true);
    await conn.next();
    conn.close(1000, 'bye');
    await conn.closed;
  },
};

const closeCodes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999];

module.exports = { scenarios, sleep };
