#!/usr/bin/python3
"""Makes the captures of this folder again: /usr/bin/python3 make.py [FOLDER]

It needs Debian's python3-scapy, and for some files editcap, mergecap, text2pcap
and tcpdump. The conversation is that of ../chat.pcap (or ../ipv6.pcapng): its
IP packets, byte by byte, in other clothes. What those tools cannot write is put
together from bytes, by RFC or specification; README.md tells which is which.
"""
import os
import struct
import subprocess
import sys

from scapy.config import conf
conf.ipv6_enabled = True
from scapy.all import (ARP, ICMP, IP, UDP, DNS, DNSQR, GRE, TCP, CookedLinux, Dot1AD, Dot1Q, Dot3, Ether, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrSegmentRouting, Jumbo, LLC, SNAP, STP,
                       PPP, PPPoE, Padding, RawPcapNgReader, RawPcapReader, Raw, fragment, fragment6,
                       IPv6ExtHdrFragment)
from scapy.contrib.erspan import ERSPAN_I, ERSPAN_II
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.contrib.mpls import MPLS, EoMCW
from scapy.layers.vxlan import VXLAN

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else HERE
DAMAGED = "" if len(sys.argv) > 1 else "../../damaged/"
CHAT = os.path.join(HERE, "..", "chat.pcap")
IPV6 = os.path.join(HERE, "..", "ipv6.pcapng")

A, B = "02:00:00:00:01:01", "02:00:00:00:01:02"
O4 = dict(src="192.0.2.1", dst="192.0.2.2")          # the tunnel's ends
O6 = dict(src="2001:db8::1", dst="2001:db8::2")


def chat():
    """(microseconds, Ethernet frame) of ../chat.pcap"""
    return [((m.sec * 1000000 + m.usec), data) for data, m in RawPcapReader(CHAT)]


def chat6():
    return [(((m.tshigh << 32) + m.tslow) // 1000, data) for data, m in RawPcapNgReader(IPV6)]


def ip(frame):
    return frame[14:14 + struct.unpack(">H", frame[16:18])[0]] if frame[12:14] == b"\x08\0" else frame[14:]


class Capture:
    """A pcap with microseconds."""

    def __init__(self, name, link=1, order="<", magic=0xa1b2c3d4, version=(2, 4), snaplen=262144):
        self.name, self.order = name, order
        self.b = struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, link)

    def add(self, at, data, length=None, extra=b"", scale=1):
        data = bytes(data)
        length = len(data) if length is None else length
        self.b += struct.pack(self.order + "IIII", at // 1000000, at % 1000000 * scale, len(data), length) + extra + data

    def close(self):
        with open(os.path.join(OUT, self.name), "wb") as f:
            f.write(self.b)


def dress(name, wrap, packets=None, link=1):
    """Every packet of a conversation in what wrap(i, frame) makes of it."""
    c = Capture(name, link)
    for i, (at, frame) in enumerate(packets or chat()):
        made = wrap(i, frame)
        for data in made if isinstance(made, list) else [made]:
            c.add(at, data)
    c.close()


def outer(frame):
    """The outer Ethernet, in the direction of frame."""
    return Ether(src=A, dst=B) if frame[11] == 1 else Ether(src=B, dst=A)


def turned(frame, o):
    """The tunnel's ends in the direction of frame."""
    return o if frame[11] == 1 else dict(src=o["dst"], dst=o["src"])


def kind(frame):
    return struct.unpack(">H", frame[12:14])[0]


# --- links

def vlan(i, frame):
    e, t, p = outer(frame), kind(frame), Raw(ip(frame))
    return [
        e / Dot1Q(vlan=5, type=t) / p,
        e / Dot1AD(vlan=7) / Dot1Q(vlan=5, type=t) / p,
        Ether(src=e.src, dst=e.dst, type=0x9100) / Dot1Q(vlan=7) / Dot1Q(vlan=5, type=t) / p,
        Ether(src=e.src, dst=e.dst, type=0x9200) / Dot1Q(vlan=7, type=0x9100) / Dot1Q(vlan=6) / Dot1Q(vlan=5, type=t) / p,
        e / Dot1Q(vlan=0, prio=5, type=t) / p,
        e / Dot1AD(vlan=1) / Dot1AD(vlan=2) / Dot1AD(vlan=3) / Dot1Q(vlan=4, type=t) / p,
    ][i % 6]


def mpls(i, frame):
    e, p = outer(frame), Raw(ip(frame))
    e.type = 0x8847
    return [
        e / MPLS(label=16, s=1, ttl=64) / p,
        e / MPLS(label=16, s=0, ttl=64) / MPLS(label=17, s=0, ttl=64) / MPLS(label=18, s=1, ttl=64) / p,
        e / MPLS(label=19, s=1, ttl=64) / Raw(bytes(4) + frame),  # a pseudowire with control word
        e / MPLS(label=19, s=1, ttl=64) / Raw(frame),             # and without
    ][i % 4]


def pppoe(i, frame):
    e = outer(frame)
    e.type = 0x8864
    return e / PPPoE(sessionid=9) / PPP(proto=0x21) / Raw(ip(frame))


def sll(i, frame):
    return CookedLinux(pkttype=0 if frame[11] == 1 else 4, lladdrlen=6, src=frame[6:12] + b"\0\0", proto=kind(frame)) / Raw(ip(frame))


def sll2(i, frame):
    return struct.pack(">HHIHBB8s", kind(frame), 0, 3, 1, 0 if frame[11] == 1 else 4, 6, frame[6:12] + b"\0\0") + ip(frame)


def nflog(i, frame):
    def tlv(t, value):
        return struct.pack("<HH", 4 + len(value), t) + value + bytes(-len(value) % 4)
    return struct.pack(">BBH", 2, 0, 5) + tlv(1, b"\x08\0\0\0") + tlv(10, b"to port\0") + tlv(4, struct.pack(">I", 3)) + tlv(9, ip(frame))


def pflog(i, frame):
    return struct.pack(">BBBB16s16sIIIIIIB3x", 61, 2, 0, 0, b"em0", b"", 1, 0xffffffff, 0, 0, 0, 0, 1) + ip(frame)


def snap(frame):
    return b"\xaa\xaa\x03\0\0\0" + struct.pack(">H", kind(frame)) + ip(frame)


def wifi(i, frame):
    """802.11 data: from a station, from the access point with QoS, between access points."""
    control = [b"\x08\x01", b"\x88\x02", b"\x08\x03"][i % 3]
    addresses = frame[0:6] + frame[6:12] + b"\x02\0\0\0\0\x03"
    rest = [b"", b"\0\0", b"\x02\0\0\0\0\x04"][i % 3]  # nothing, QoS control, a fourth address
    return control + b"\0\0" + addresses + b"\0\0" + rest + snap(frame)


def radiotap(i, frame):
    return [struct.pack("<BBHI", 0, 0, 8, 0), struct.pack("<BBHIQB", 0, 0, 17, 3, i, 0), struct.pack("<BBHIIB", 0, 0, 13, 2 | 1 << 31, 0, 0)][i % 3] + wifi(i, frame)


def pktap(i, frame):
    """Apple's header of 108 bytes: length, type, link type of what follows, name of the interface."""
    inner, packet = [(1, frame), (12, ip(frame))][i % 2]
    return struct.pack("<III24s", 108, 1, inner, b"en0") + bytes(72) + packet


def erf(i, frame):
    return struct.pack("<Q", 0) + struct.pack(">BBHHH", 2, 4, len(frame) + 18, 0, len(frame)) + b"\0\0" + frame


def token_ring(i, frame):
    route = b"\x06\x30\x00\x11\x00\x20" if i % 2 else b""
    source = bytes([0x82 if i % 2 else 2]) + frame[7:12]
    return b"\x10\x40" + frame[0:6] + source + route + snap(frame)


# --- tunnels

def tzsp(i, frame):
    fields = [b"", b"\0\0", b"\x0a\x01\xc8"][i % 3] + b"\x01"
    carried, packet = [(1, frame), (18, wifi(0, frame))][i % 2]
    return outer(frame) / IP(**turned(frame, O4)) / UDP(sport=50000, dport=37008) / Raw(struct.pack(">BBH", 1, 0, carried) + fields + packet)


def gre(i, frame):
    e, t, p = outer(frame), kind(frame), ip(frame)
    o = IP(proto=47, **turned(frame, O4))
    return [
        e / o / GRE(proto=t) / Raw(p),
        e / o / GRE(proto=t, key_present=1, key=77) / Raw(p),
        e / o / GRE(proto=t, key_present=1, key=77, seqnum_present=1, sequence_number=i) / Raw(p),
        e / o / GRE(proto=t, chksum_present=1) / Raw(p),
        e / o / GRE(proto=0x6558) / Raw(frame),
        e / IPv6(nh=47, **turned(frame, O6)) / GRE(proto=t) / Raw(p),
    ][i % 6]


def pptp(i, frame):
    p = b"\xff\x03\0\x21" + ip(frame)
    return outer(frame) / IP(proto=47, **turned(frame, O4)) / Raw(struct.pack(">HHHHII", 0x3081, 0x880b, len(p), 5, i, i) + p)


def ip_in_ip(i, frame):
    inner = 4 if kind(frame) == 0x800 else 41
    o = IP(proto=inner, **turned(frame, O4)) if i % 2 == 0 else IPv6(nh=inner, **turned(frame, O6))
    return outer(frame) / o / Raw(ip(frame))


def vxlan(i, frame):
    o = IP(**turned(frame, O4)) if i % 3 else IPv6(**turned(frame, O6))
    return outer(frame) / o / UDP(sport=50000 + i, dport=[4789, 8472][i % 2], chksum=0) / VXLAN(flags=8, vni=42) / Raw(frame)


def geneve(i, frame):
    g = [
        GENEVE(proto=0x6558, vni=42) / Raw(frame),
        GENEVE(proto=kind(frame), vni=42) / Raw(ip(frame)),  # as a cloud's gateway does
        GENEVE(proto=kind(frame), vni=42, optionlen=2, options=[GeneveOptions(classid=0x108, type=1, data=b"\0\0\0\1")]) / Raw(ip(frame)),
    ][i % 3]
    return outer(frame) / IP(**turned(frame, O4)) / UDP(sport=50000, dport=6081, chksum=0) / g


def erspan(i, frame):
    e, o = outer(frame), IP(proto=47, src=O4["src"], dst=O4["dst"])
    return [
        e / o / GRE(proto=0x88be) / Raw(frame),
        e / o / GRE(proto=0x88be, seqnum_present=1, sequence_number=i) / ERSPAN_II(ver=1, vlan=5, session_id=1) / Raw(frame),
        e / o / GRE(proto=0x22eb, seqnum_present=1, sequence_number=i) / Raw(struct.pack(">HHIHH", 0x2005, 1, i, 0, 0) + frame),
        e / o / GRE(proto=0x22eb, seqnum_present=1, sequence_number=i) / Raw(struct.pack(">HHIHHQ", 0x2005, 1, i, 0, 1, 3 << 58) + frame),
    ][i % 4]


def gtp(i, frame):
    o = outer(frame) / IP(**turned(frame, O4)) / UDP(sport=2152, dport=2152, chksum=0)
    p = Raw(ip(frame))
    return [
        o / GTP_U_Header(teid=1, gtp_type=255, length=len(p)) / p,
        o / GTP_U_Header(teid=1, gtp_type=255, S=1, seq=i, length=len(p) + 4) / p,
        # 5G: an extension header of its own
        o / Raw(struct.pack(">BBHIHBBBBBB", 0x34, 255, len(p) + 8, 1, 0, 0, 0x85, 1, 0x10, 9, 0)) / p,
    ][i % 3]


def nested(i, frame):
    """VLAN, IPv4, VXLAN, Ethernet, VLAN, IPv6, GRE, Ethernet, MPLS, and then the conversation."""
    deep = Raw(bytes(Ether(src=A, dst=B, type=0x8847) / MPLS(label=16, s=1, ttl=9) / Raw(ip(frame))))
    deep = Raw(bytes(Ether(src=A, dst=B) / Dot1Q(vlan=9) / IPv6(nh=47, **O6) / GRE(proto=0x6558) / deep))
    return outer(frame) / Dot1Q(vlan=5) / IP(**turned(frame, O4)) / UDP(sport=50000, dport=4789, chksum=0) / VXLAN(flags=8, vni=42) / deep


# --- IP

def with_options(i, frame):
    """TCP options that are broken, after those of the handshake."""
    p = IP(ip(frame))
    if i < 3:
        return outer(frame) / p
    data, t = bytes(p[TCP].payload), p[TCP]
    h = bytearray(bytes(t)[:20])
    h[12] = 0x80  # 12 bytes of options
    h[16:18] = b"\0\0"
    options = [b"\x08\xc8" + bytes(10), b"\x05\0" + bytes(10), b"\xfe\x01" + bytes(10), b"\x13\x12" + bytes(10)][i % 4]
    return outer(frame) / IP(src=p.src, dst=p.dst, proto=6, id=p.id) / Raw(bytes(h) + options + data)


def offloaded(i, frame):
    """IPv4 packets of length 0, as some drivers capture large ones, and wrong checksums."""
    p = bytearray(ip(frame))
    p[2:4] = b"\0\0"
    p[10:12] = b"\0\0"
    return bytes(outer(frame) / Raw(bytes(p)))[:12] + b"\x08\0" + bytes(p)


def offloaded6(i, frame):
    """BIG TCP: length 0, every other with the option of RFC 2675."""
    p = bytearray(ip(frame))
    body = bytes(p[40:])
    if i % 2:
        jumbo = struct.pack(">BBBBI", p[6], 0, 0xc2, 4, 8 + len(body))
        p[6] = 0
        body = jumbo + body
    p[4:6] = b"\0\0"
    return frame[:14] + bytes(p[:40]) + body


def srv6(i, frame):
    p = ip(frame)
    src, dst, body = p[8:24], p[24:40], p[40:]
    inner = IPv6(p)
    if i % 2:  # the segment list is in the packet itself
        srh = IPv6ExtHdrSegmentRouting(nh=6, segleft=0, lastentry=1, addresses=[inner.dst, "2001:db8::5"])
        return outer(frame) / IPv6(src=inner.src, dst=inner.dst) / srh / Raw(body)
    return outer(frame) / IPv6(nh=43, **turned(frame, O6)) / IPv6ExtHdrSegmentRouting(nh=41, segleft=1, lastentry=0, addresses=["2001:db8::5"]) / Raw(p)


def extensions(i, frame):
    p = IPv6(ip(frame))
    head = IPv6(src=p.src, dst=p.dst) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(nh=44 if i % 2 else 6)
    if i % 2:
        head = head / IPv6ExtHdrFragment(nh=6, offset=0, m=0, id=i)  # a whole packet, RFC 6946
    return outer(frame) / head / Raw(bytes(p)[40:])


def pieces(size, order):
    def cut(i, frame):
        p = IP(ip(frame))
        p.flags = 2 if i % 2 else 0
        p.id = 1000 + i
        p.options = []
        parts = [outer(frame) / q for q in fragment(p, size)]
        for q in parts:
            q[IP].flags |= 2 if i % 2 else 0  # DF, on fragments too
        return parts[::-1] if order < 0 else parts
    return cut


def pieces6(i, frame):
    p = IPv6(ip(frame))
    whole = IPv6(src=p.src, dst=p.dst) / IPv6ExtHdrFragment(id=5000 + i) / Raw(bytes(p)[40:])
    whole[IPv6ExtHdrFragment].nh = 6
    parts = fragment6(whole, 40 + 8 + 24)
    for q in parts:
        if IPv6ExtHdrFragment not in q:
            return [frame]
    parts = [outer(frame) / q for q in parts]
    return parts[::-1] if i % 2 else parts


def pieces_of_tunnel(i, frame):
    tunnel = IP(id=i + 1, flags=2 if i % 2 else 0, **turned(frame, O4)) / UDP(sport=50000, dport=4789, chksum=0) / VXLAN(flags=8, vni=42) / Raw(frame)
    parts = [outer(frame) / Dot1Q(vlan=5) / q for q in fragment(IP(bytes(tunnel)), 64)]
    return parts[::-1] if i % 2 else parts


def overlapping():
    """In the server's "world" a fragment says "weird" for the same place; later one piece is missing."""
    c = Capture("fragments-overlap.pcap")
    for i, (at, frame) in enumerate(chat()):
        p = IP(ip(frame))
        p.flags, p.id = 0, 1000 + i
        parts = [bytes(outer(frame) / q) for q in fragment(p, 32)]
        if i == 8:
            other = bytearray(parts[-1])
            other[-5:] = b"weird"
            parts.insert(len(parts) - 1, parts[-1])
            parts[-1] = bytes(other)
            parts = parts[1:] + parts[:1]
        if i == 18:
            parts = parts[:-1]
        for data in parts:
            c.add(at, data)
    c.close()


def skipped():
    """One packet of every kind that is not used, among the conversation."""
    c = Capture("skipped.pcap")
    others = [
        Ether(src=A, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc="10.0.0.1", pdst="10.0.0.2"),
        Ether(src=A, dst=B) / IP(**O4) / ICMP(),
        Ether(src=A, dst=B) / IP(**O4) / UDP(sport=40000, dport=53) / DNS(qd=DNSQR(qname="example.com")),
        Ether(src=A, dst=B) / IP(**O4) / UDP(sport=40000, dport=443) / Raw(b"\xc3\0\0\0\1\x08" + bytes(40)),
        Ether(src=A, dst=B) / IP(proto=132, **O4) / Raw(bytes(20)),
        Ether(src=A, dst=B, type=0x88cc) / Raw(b"\x02\x07\x04" + bytes(20)),
        Dot3(src=A, dst=B) / LLC() / STP(),
        Ether(src=A, dst=B) / IP(flags=1, id=77, proto=6, **O4) / Raw(bytes(24)),
        Ether(src=A, dst=B) / IP(proto=6, ihl=3, **O4) / Raw(bytes(24)),
        Ether(src=A, dst=B) / IP(proto=6, **O4) / Raw(b"\x30\x39\0\x50" + bytes(8) + b"\x10" + bytes(7)),  # a TCP header of 4 bytes
    ]
    deep = Raw(bytes(IP(**O4) / TCP(sport=1, dport=2)))
    for _ in range(9):
        deep = Raw(bytes(IP(proto=4, **O4) / deep))
    others.append(Ether(src=A, dst=B, type=0x800) / deep)
    tags = Ether(src=A, dst=B)
    for n in range(12):
        tags = tags / Dot1Q(vlan=n)
    others.append(tags / IP(**O4) / TCP(sport=1, dport=2))
    for i, (at, frame) in enumerate(chat()):
        c.add(at, frame)
        if i < len(others):
            data = bytes(others[i])
            c.add(at, data)
            if i == 0:
                c.add(at, frame[:30], len(frame))  # cut inside its headers
    c.close()


# --- files

def block(order, kind, body):
    body += bytes(-len(body) % 4)
    n = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + n + body + n


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order, *options):
    body = struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1)
    return block(order, 0x0a0d0d0a, body + b"".join(options) + (bytes(4) if options else b""))


def interface(order, link, *options, snaplen=0):
    return block(order, 1, struct.pack(order + "HHI", link, 0, snaplen) + b"".join(options) + (bytes(4) if options else b""))


def enhanced(order, number, ticks, data, *options, length=None):
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xffffffff, len(data), len(data) if length is None else length)
    return block(order, 6, head + data + bytes(-len(data) % 4) + b"".join(options) + (bytes(4) if options else b""))


def write(name, b):
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(b)


def resolutions():
    """An interface for each resolution of time; packets in turn. All times are exact to the microsecond but for 2^-10 and seconds, which are not used for data."""
    kinds = [(None, 10**6), (9, 10**9), (8, 10**8), (0x80 | 20, 1 << 20), (0x80 | 32, 1 << 32)]
    b = section("<")
    for code, _ in kinds:
        b += interface("<", 1, *([] if code is None else [option("<", 9, bytes([code]))]))
    b += interface("<", 1, option("<", 14, struct.pack("<q", 1700000000)))  # an offset of seconds
    for i, (at, frame) in enumerate(chat()):
        n = i % 6
        ticks = at - 1700000000 * 10**6 if n == 5 else -(-at * kinds[n][1] // 10**6)
        b += enhanced("<", n, ticks, frame)
    write("resolutions.pcapng", b)


def sections():
    """Two sections of different byte order; interfaces are counted anew in each."""
    packets, b = chat(), b""
    for order, part, link in (">", packets[:15], 1), ("<", packets[15:], 101):
        b += section(order, option(order, 4, b"a generator")) + interface(order, link)
        for at, frame in part:
            b += enhanced(order, 0, at, frame if link == 1 else ip(frame))
    write("sections.pcapng", b)


def blocks():
    """Every kind of block, known and not."""
    o = "<"
    b = section(o, option(o, 1, b"a comment on the section"), option(o, 2, b"hardware"), option(o, 3, b"system"), option(o, 4, b"application"))
    b += interface(o, 1, option(o, 2, b"eth0"), option(o, 3, b"the first"), option(o, 9, b"\x06"), option(o, 11, b"\0tcp port 80"), option(o, 12, b"Linux"))
    b += interface(o, 1, snaplen=65535)
    names = struct.pack("<HH", 1, 4 + 19) + b"\x0a\0\0\2server.example.com\0" + b"\0"
    b += block(o, 4, names + struct.pack("<HH", 0, 0))                          # name resolution
    b += block(o, 0x0000000a, struct.pack("<II", 0x544c534b, 7) + b"# none\n")  # decryption secrets
    b += block(o, 0x00000bad, struct.pack("<I", 32473) + b"custom, may be copied")
    b += block(o, 0x40000bad, struct.pack("<I", 32473) + b"custom, may not")
    b += block(o, 0x00000009, b"__REALTIME_TIMESTAMP=1795361258900069\nMESSAGE=a line of a journal\n")
    b += block(o, 0x7fffffff, b"a kind that nobody has defined yet")
    packets = chat()
    for i, (at, frame) in enumerate(packets):
        if i == 1:    # obsolete packet block, with 3 drops
            head = struct.pack("<HHIIII", 0, 3, at >> 32, at & 0xffffffff, len(frame), len(frame))
            b += block(o, 2, head + frame)
        elif i == 2:  # simple packet block: it has no time
            b += enhanced(o, 0, at, frame)
        else:
            inbound = 1 if frame[11] == 1 else 2
            b += enhanced(o, 0, at, frame, option(o, 1, b"a comment, \x1b[31mnot red"), option(o, 2, struct.pack("<I", inbound)), option(o, 4, struct.pack("<Q", 2 if i == 20 else 0)))
        if i == 25:
            b += block(o, 5, struct.pack("<III", 0, at >> 32, at & 0xffffffff) + option(o, 4, struct.pack("<Q", 40)) + option(o, 5, struct.pack("<Q", 7)) + bytes(4))
    write("blocks.pcapng", b)


def simple():
    """Simple packet blocks have no time; packets are those of the conversation."""
    b = section("<") + interface("<", 1)
    for _, frame in chat():
        b += block("<", 3, struct.pack("<I", len(frame)) + frame)
    write("simple.pcapng", b)


def damaged():
    """Bytes in the middle are not what they were: a pcapng and a pcap, in a folder of their own."""
    packets = chat()
    b = section("<") + interface("<", 1)
    for i, (at, frame) in enumerate(packets):
        e = bytearray(enhanced("<", 0, at, frame))
        if i == 19:
            e[4:8] = b"\xff\xff\xff\x7f"
        b += bytes(e)
    write(DAMAGED + "damaged.pcapng", b)
    c = Capture(DAMAGED + "damaged.pcap")
    for i, (at, frame) in enumerate(packets):
        at0 = len(c.b)
        c.add(at, frame)
        if i == 19:
            c.b = c.b[:at0 + 8] + b"\xff\xff\xff\x7f\xff\xff\xff\x7f" + c.b[at0 + 16:]
    c.close()


def variants():
    packets = chat()
    for name, order, magic, scale, extra, more in [
        ("big-endian.pcap", ">", 0xa1b2c3d4, 1, b"", {}),
        ("nanoseconds-big-endian.pcap", ">", 0xa1b23c4d, 1000, b"", {}),
        ("version-2.3.pcap", "<", 0xa1b2c3d4, 1, b"", dict(version=(2, 3))),
        ("snaplen-0.pcap", "<", 0xa1b2c3d4, 1, b"", dict(snaplen=0)),
        ("above-snaplen.pcap", "<", 0xa1b2c3d4, 1, b"", dict(snaplen=60)),
        ("fcs.pcap", "<", 0xa1b2c3d4, 1, b"", dict(link=1 | 0x24000000)),
    ]:
        c = Capture(name, order=order, magic=magic, **more)
        for at, frame in packets:
            c.add(at, frame + (b"\xde\xad\xbe\xef" if name == "fcs.pcap" else b""), extra=extra, scale=scale)
        c.close()


def run(*args, **more):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more)


def tools():
    """What editcap, mergecap, text2pcap and tcpdump write."""
    at = lambda name: os.path.join(OUT, name)
    run("editcap", "-F", "nsecpcap", CHAT, at("editcap-nanoseconds.pcap"))
    run("editcap", "-F", "modpcap", CHAT, at("editcap-modified.pcap"))
    for name, kind in (("redhat", "rh6_1pcap"), ("nokia", "nokiapcap"), ("suse", "suse6_3pcap")):
        run("editcap", "-F", kind, CHAT, at(f"editcap-{name}.pcap"))
    run("editcap", "-F", "pcapng", "-a", "8:seen by editcap", CHAT, at("editcap-comment.pcapng"))
    run("editcap", "-F", "pcap", "-s", "80", CHAT, at("editcap-snaplen.pcap"))
    run("editcap", "-F", "pcap", "-T", "rawip4", "-L", "-C", "14", CHAT, at("editcap-chopped.pcap"))
    run("mergecap", "-F", "pcapng", "-w", at("mergecap-links.pcapng"), CHAT, os.path.join(HERE, "..", "raw.pcap"))
    run("tcpdump", "-r", CHAT, "-w", at("tcpdump-filtered.pcap"), "tcp port 80")
    text = subprocess.run(["tcpdump", "-r", CHAT, "-XX", "-tt", "-n"], check=True, capture_output=True).stdout.decode()
    lines = []
    for line in text.splitlines():
        if line[:1].isdigit():
            lines.append(line.split(" ")[0])
        elif line.startswith("\t0x"):
            offset, rest = line.strip().split(":", 1)
            digits = rest[:42].replace(" ", "")
            lines.append("%06x %s" % (int(offset, 16), " ".join(digits[i:i + 2] for i in range(0, len(digits), 2))))
    run("text2pcap", "-F", "pcap", "-t", "%s.%f", "-", at("text2pcap.pcap"), input=("\n".join(lines) + "\n").encode())


def main():
    os.makedirs(OUT, exist_ok=True)
    dress("vlan-stacks.pcap", vlan)
    dress("mpls.pcap", mpls)
    dress("pppoe.pcap", pppoe)
    dress("sll.pcap", sll, link=113)
    dress("sll2.pcap", sll2, link=276)
    dress("raw.pcap", lambda i, f: ip(f), link=101)
    dress("raw-openbsd.pcap", lambda i, f: ip(f), link=14)
    dress("ipv4.pcap", lambda i, f: ip(f), link=228)
    dress("ipv6.pcap", lambda i, f: ip(f), chat6(), link=229)
    dress("null.pcap", lambda i, f: struct.pack("<I", 2) + ip(f), link=0)
    dress("null-big-endian.pcap", lambda i, f: struct.pack(">I", 30) + ip(f), chat6(), link=0)
    dress("loop.pcap", lambda i, f: struct.pack(">I", 2) + ip(f), link=108)
    dress("ppp.pcap", lambda i, f: [b"\xff\x03\0\x21", b"\0\x21", b"\x21"][i % 3] + ip(f), link=9)
    dress("cisco-hdlc.pcap", lambda i, f: b"\x0f\0\x08\0" + ip(f), link=104)
    dress("nflog.pcap", nflog, link=239)
    dress("pflog.pcap", pflog, link=117)
    dress("fddi.pcap", lambda i, f: b"\x50" + f[0:12] + snap(f), link=10)
    dress("token-ring.pcap", token_ring, link=6)
    dress("wifi.pcap", wifi, link=105)
    dress("radiotap.pcap", radiotap, link=127)
    dress("ppi.pcap", lambda i, f: struct.pack("<BBHI", 0, 0, 8, 105) + wifi(i, f), link=192)
    dress("pktap.pcap", pktap, link=258)
    dress("erf.pcap", erf, link=197)
    dress("ipoib.pcap", lambda i, f: bytes(40) + struct.pack(">HH", kind(f), 0) + ip(f), link=242)
    dress("snap.pcap", lambda i, f: Dot3(src=A, dst=B) / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(OUI=0, code=kind(f)) / Raw(ip(f)) if i % 2 else f)
    dress("tzsp.pcap", tzsp)
    dress("gre.pcap", gre)
    dress("pptp.pcap", pptp)
    dress("ip-in-ip.pcap", ip_in_ip)
    dress("ipv6-in-ip.pcap", ip_in_ip, chat6())
    dress("vxlan.pcap", vxlan)
    dress("geneve.pcap", geneve)
    dress("erspan.pcap", erspan)
    dress("gtp-u.pcap", gtp)
    dress("nested.pcap", nested)
    dress("tcp-options.pcap", with_options)
    dress("offload.pcap", offloaded)
    dress("offload-ipv6.pcap", offloaded6, chat6())
    dress("srv6.pcap", srv6, chat6())
    dress("extensions.pcap", extensions, chat6())
    dress("fragments.pcap", pieces(40, 1))
    dress("fragments-reversed.pcap", pieces(24, -1))
    dress("fragments-ipv6.pcap", pieces6, chat6())
    dress("fragments-vxlan.pcap", pieces_of_tunnel)
    overlapping()
    skipped()
    resolutions()
    sections()
    blocks()
    simple()
    damaged()
    variants()
    tools()


main()
