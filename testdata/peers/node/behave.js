// What every server of the fixtures does with a message, whatever its library. The Go and Python peers do the same.
// conn has send(data), fragments([data...]), ping(data), close(code, reason), drop(), reset().
'use strict';

const chat = {
  'hello': ['world'],
  'Grüße aus Köln 👋': ['你好，世界'],
  '{"type":"subscribe","channel":"prices","symbols":["ABC","XYZ"]}': [
    '{"type":"subscribed","channel":"prices","id":1}',
    '{"type":"price","symbol":"ABC","price":101.25}',
    '{"type":"price","symbol":"XYZ","price":7.5}',
  ],
};

function behave(conn, path, data, binary) {
  if (path.startsWith('/sink')) return;
  if (!binary) {
    const text = data.toString();
    const [command, rest] = split(text);
    if (path.startsWith('/chat')) {
      for (const answer of chat[text] || []) conn.send(answer);
      return;
    }
    switch (command) {
      case '!ping': return conn.ping(rest);
      case '!close': return conn.close(Number(split(rest)[0]), split(rest)[1]);
      case '!fragments': return conn.fragments(rest.split(' '));
      case '!drop': return conn.drop();
      case '!reset': return conn.reset();
    }
  } else if (path.startsWith('/chat')) {
    conn.send(Buffer.from('89504e470d0a1a0a', 'hex'));
    setTimeout(() => conn.ping('still there?'), 700);
    return;
  }
  conn.send(binary ? data : data.toString());
}

function split(text) {
  const at = text.indexOf(' ');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

module.exports = { behave };
