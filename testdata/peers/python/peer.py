"""The peers made of Python's websockets: peer.py server ADDRESS PORT DEFLATE [CERTIFICATE AND KEY], or peer.py client URL DEFLATE.

DEFLATE is "off" or "on". A client of a wss URL writes its TLS secrets to the file named by SSLKEYLOGFILE. The log is the same as that of node/record.js.
"""
import asyncio
import base64
import hashlib
import json
import os
import platform
import ssl
import sys
from urllib.parse import urlsplit

import websockets
from websockets.legacy.client import WebSocketClientProtocol
from websockets.legacy.server import WebSocketServerProtocol

COMPRESSION = {"on": "deflate", "off": None}
KINDS = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
LIBRARY = f"websockets {websockets.version.version} (Python {platform.python_version()})"


class Logged:
    """Logs the frames that the library's protocol is given to write and that it read (already inflated)."""

    connections = 0

    def write_log(self, **line):
        if name := os.environ.get("PEER_RECORD"):
            with open(name, "a", encoding="utf-8") as file:
                file.write(json.dumps({"conn": self.conn, **line}, ensure_ascii=False) + "\n")

    def opened(self, path):
        Logged.connections += 1
        self.conn, self.parts = Logged.connections, {}
        address = lambda a: f"{a[0]}:{a[1]}"
        self.write_log(open={
            "hears": list(KINDS.values()), "library": LIBRARY, "role": "client" if self.is_client else "server",
            "local": address(self.local_address), "remote": address(self.remote_address), "path": path, "status": 101,
            "subprotocol": self.subprotocol or "", "compression": any(e.name == "permessage-deflate" for e in self.extensions),
        })

    def heard(self, direction, fin, opcode, data):
        if not hasattr(self, "conn"):
            self.opened(self.path)
        data = bytes(data)
        event = {"dir": direction, "kind": KINDS.get(opcode)}
        if opcode == 8:
            if data:
                event |= {"code": int.from_bytes(data[:2], "big"), "reason": data[2:].decode()}
            return self.write_log(event=event)
        if opcode in (0, 1, 2):
            if opcode:
                self.parts[direction] = (opcode, [])
            opcode, parts = self.parts[direction]
            parts.append(data)
            if not fin:
                return
            event["kind"], data = KINDS[opcode], b"".join(parts)
            if len(parts) > 1:
                event["frames"] = len(parts)
        event["length"] = len(data)
        if opcode != 2 and len(data) <= 2048:
            event["text"] = data.decode()
        elif len(data) <= 256:
            event["base64"] = base64.b64encode(data).decode()
        else:
            event["sha256"] = hashlib.sha256(data).hexdigest()
        self.write_log(event=event)

    async def read_frame(self, max_size):
        frame = await super().read_frame(max_size)
        self.heard("receive" if self.is_client else "send", frame.fin, frame.opcode, frame.data)
        return frame

    def write_frame_sync(self, fin, opcode, data):
        self.heard("send" if self.is_client else "receive", fin, opcode, data)
        super().write_frame_sync(fin, opcode, data)


class Server(Logged, WebSocketServerProtocol):
    pass


class Client(Logged, WebSocketClientProtocol):
    pass


async def behave(ws):
    """What every server of the fixtures does; see node/behave.js."""
    async for data in ws:
        command, _, rest = data.partition(" ") if isinstance(data, str) else (None, None, None)
        if command == "!ping":
            await ws.ping(rest)
        elif command == "!close":
            code, _, reason = rest.partition(" ")
            await ws.close(int(code), reason)
        elif command == "!fragments":
            await ws.send(iter(rest.split(" ")))
        else:
            await ws.send(data)


async def server(address, port, deflate, certificate=None):
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    async with websockets.serve(behave, address, int(port), create_protocol=Server, compression=COMPRESSION[deflate], ping_interval=None, ssl=context):
        print("ready", flush=True)
        await asyncio.Future()


async def client(url, deflate):
    context = None
    if url.startswith("wss:"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.keylog_filename = os.environ["SSLKEYLOGFILE"]
    async with websockets.connect(url, create_protocol=Client, compression=COMPRESSION[deflate], ping_interval=None, max_size=None, ssl=context) as ws:
        async def ask(data):
            await ws.send(data)
            return await ws.recv()

        for i in range(5):
            await ask(json.dumps({"type": "price", "symbol": "ABC", "price": 100 + i}))
        await ask("")
        await ask("Grüße aus Köln 👋")
        await ask(bytes(range(200)))
        await ask("all work and no play " * 1000)
        await (await ws.ping("from the client"))
        await ws.send("!ping from the server")
        await ask(["one ", "two ", "three"])
        await ask("!fragments four five six")
        await ws.close(1000, "done")


role, *arguments = sys.argv[1:]
asyncio.run({"server": server, "client": client}[role](*arguments))
