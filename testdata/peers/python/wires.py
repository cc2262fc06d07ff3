"""Wires that the kernel has no device for here: wires.py switch PORT PORT TRUNK TRUNK TAG..., or wires.py tun NAMESPACE ADDRESS NAMESPACE ADDRESS.

switch joins two access ports over a trunk (a pair of devices) on which frames carry the VLAN tags, given as TPID:ID in hexadecimal, outermost first.
tun makes a tun device in each of two network namespaces and carries IP packets between them. Both write "ready" and run until killed.
"""
import ctypes
import fcntl
import os
import selectors
import socket
import struct
import subprocess
import sys

SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
VLAN_VALID = 0x10
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000


def packet_socket(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.bind((name, 0))
    return s


def receive(s):
    """One frame as it was on the wire, or None for our own. The kernel keeps the outermost VLAN tag apart; it is put back."""
    data, control, _, address = s.recvmsg(65536, socket.CMSG_SPACE(20))
    if address[2] == PACKET_OUTGOING:
        return None
    for level, kind, body in control:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", body[:20])
            if status & VLAN_VALID:
                data = data[:12] + struct.pack("!HH", tpid or 0x8100, tci) + data[12:]
    return data


def switch(port_a, port_b, trunk_a, trunk_b, *tags):
    tag = b"".join(struct.pack("!HH", *(int(part, 16) for part in t.split(":"))) for t in tags)
    add = lambda frame: frame[:12] + tag + frame[12:]
    drop = lambda frame: frame[:12] + frame[12 + len(tag):] if frame[12:12 + len(tag)] == tag else None
    sockets = [packet_socket(name) for name in (port_a, trunk_a, port_b, trunk_b)]
    routes = selectors.DefaultSelector()
    for i, (other, change) in enumerate([(1, add), (0, drop), (3, add), (2, drop)]):
        routes.register(sockets[i], selectors.EVENT_READ, (sockets[other], change))
    print("ready", flush=True)
    while True:
        for key, _ in routes.select():
            frame = receive(key.fileobj)
            frame = frame and key.data[1](frame)
            if frame:
                key.data[0].send(frame)


def tun(*arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    devices = []
    for i in (0, 2):
        name, address, peer = arguments[i], arguments[i + 1], arguments[(i + 3) % 4]
        with open(f"/var/run/netns/{name}") as namespace:
            if libc.setns(namespace.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {name}")
        device = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
        subprocess.run(["ip", "addr", "add", address, "peer", peer, "dev", "tun0"], check=True)
        subprocess.run(["ip", "link", "set", "tun0", "up"], check=True)
        devices.append(device)
    routes = selectors.DefaultSelector()
    routes.register(devices[0], selectors.EVENT_READ, devices[1])
    routes.register(devices[1], selectors.EVENT_READ, devices[0])
    print("ready", flush=True)
    while True:
        for key, _ in routes.select():
            os.write(key.data, os.read(key.fd, 65536))


{"switch": switch, "tun": tun}[sys.argv[1]](*sys.argv[2:])
