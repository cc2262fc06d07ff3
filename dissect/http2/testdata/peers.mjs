// A server and a client of Node's http2 in one process. It prints its port,
// waits for the port of a relay on standard input, talks through it, and prints
// what each side of each WebSocket sent.
import http2 from 'node:http2'
import readline from 'node:readline'

const padding = { paddingStrategy: http2.constants.PADDING_STRATEGY_ALIGNED }
const record = {}
const of = (path) => (record[path] ??= { client: [], server: [], status: 0 })
const bytes = (n, seed) => Buffer.from(Array.from({ length: n }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 0xff))
const text = (list) => Buffer.concat(list).toString('base64')

const server = http2.createServer({ settings: { enableConnectProtocol: true }, ...padding })
server.on('stream', (stream, headers) => {
  const path = headers[':path']
  stream.on('error', () => {})
  if (headers[':protocol'] !== 'websocket') {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' })
    stream.end('plain ' + path)
    return
  }
  if (path === '/refused') {
    stream.respond({ ':status': 403, 'content-type': 'text/plain' })
    stream.end('no')
    return
  }
  if (path === '/hints') stream.additionalHeaders({ ':status': 103, link: '</style.css>' })
  stream.respond({ ':status': 200, 'sec-websocket-protocol': 'p' })
  let n = 0
  stream.on('data', (b) => {
    const answer = bytes((b.length * 3) % 40000, n++)
    of(path).server.push(answer)
    stream.write(answer)
  })
  stream.on('end', () => stream.end())
})

server.listen(0, '127.0.0.1', () => console.log(server.address().port))

const input = readline.createInterface({ input: process.stdin })
input.once('line', (port) => {
  const session = http2.connect('http://127.0.0.1:' + port, padding)
  const ended = []
  const plain = (path) => ended.push(new Promise((done) => {
    const s = session.request({ ':path': path, cookie: 'a=b; c=d' })
    s.resume().on('close', done)
    s.end()
  }))
  const webSocket = (path, sizes, reset) => ended.push(new Promise((done) => {
    const s = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': path, 'sec-websocket-version': '13', origin: 'http://127.0.0.1', cookie: 'a=b; c=d' })
    s.on('error', () => {})
    s.on('close', done)
    s.resume()
    s.on('response', async (headers) => {
      of(path).status = headers[':status']
      if (headers[':status'] !== 200) { s.end(); return }
      for (const n of sizes) {
        const b = bytes(n, n)
        of(path).client.push(b)
        s.write(b)
        await new Promise((go) => setTimeout(go, 5))
      }
      if (reset) s.close(http2.constants.NGHTTP2_CANCEL); else s.end()
    })
  }))
  session.once('remoteSettings', async () => {
    plain('/1')
    webSocket('/chat?room=1', [1, 5, 125, 126, 70000, 3])
    webSocket('/b', [10, 10, 10, 20000, 10])
    plain('/2')
    webSocket('/refused', [])
    webSocket('/hints', [4])
    webSocket('/reset', [7, 8, 9], true)
    for (let i = 0; i < 20; i++) webSocket('/many/' + i, [i + 1, 100, i * 500])
    plain('/3')
    await Promise.all(ended)
    session.close()
    server.close()
    for (const r of Object.values(record)) { r.client = text(r.client); r.server = text(r.server) }
    console.log(JSON.stringify(record))
    input.close()
    setTimeout(() => process.exit(0), 100)
  })
})
