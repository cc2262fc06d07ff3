package filter

// protocol is a qualifier such as the ip of "ip host 10.0.0.1".
type protocol uint8

const (
	anyProtocol protocol = iota
	linkLayer            // ether and its synonyms
	ip4
	ip6
	arp
	rarp
	tcp
	udp
	sctp
	icmp
	icmp6
	igmp
	igrp
	pim
	vrrp
	carp
	ah
	esp
)

// protocols are the words for them. Those of one link are all the link's: they
// are synonyms in the language.
var protocols = map[string]protocol{
	"link": linkLayer, "ether": linkLayer, "fddi": linkLayer, "tr": linkLayer, "wlan": linkLayer, "ppp": linkLayer, "slip": linkLayer,
	"ip": ip4, "ip6": ip6, "arp": arp, "rarp": rarp, "tcp": tcp, "udp": udp, "sctp": sctp, "icmp": icmp, "icmp6": icmp6,
	"igmp": igmp, "igrp": igrp, "pim": pim, "vrrp": vrrp, "carp": carp, "ah": ah, "esp": esp,
}

// ipNumber returns the number that a protocol has in an IP header.
func (p protocol) ipNumber() uint32 {
	switch p {
	case icmp:
		return 1
	case igmp:
		return 2
	case tcp:
		return 6
	case igrp:
		return 9
	case udp:
		return 17
	case esp:
		return 50
	case ah:
		return 51
	case icmp6:
		return 58
	case pim:
		return 103
	case vrrp, carp:
		return 112
	case sctp:
		return 132
	}
	return 0
}

// String returns the word that the documentation uses.
func (p protocol) String() string {
	if p == linkLayer {
		return "ether"
	}
	for word, q := range protocols {
		if q == p {
			return word
		}
	}
	return "no protocol"
}

// direction is a qualifier such as the src of "src port 80".
type direction uint8

const (
	either direction = iota // none, or "src or dst"
	source
	destination
	both
)

// subject is the qualifier for the kind of an identifier.
type subject uint8

const (
	hostDefault subject = iota // none: "src 10.0.0.1"
	host
	net
	port
	portRange
	protoNumber
	undefined // an identifier has nothing to be read by
)

var subjects = map[string]subject{"host": host, "net": net, "port": port, "portrange": portRange, "proto": protoNumber}

func (s subject) String() string {
	for word, t := range subjects {
		if t == s {
			return word
		}
	}
	return "host"
}

// outside are the words of the language that wsdump does not take, with what to
// do; "" is nothing to say.
var outside = map[string]string{
	"protochain": "name the protocol itself, such as tcp", "gateway": "write ether host and the hardware address of the gateway", "byte": "write ether[0] = 1 instead of byte 0 = 1",
	"atalk": "", "aarp": "", "decnet": "", "lat": "", "sca": "", "moprc": "", "mopdl": "", "iso": "", "esis": "", "es-is": "", "isis": "", "is-is": "", "l1": "", "l2": "",
	"iih": "", "lsp": "", "snp": "", "csnp": "", "psnp": "", "clnp": "", "stp": "", "ipx": "", "netbeui": "", "radio": "", "geneve": "write udp port 6081", "llc": "",
	"type": "", "subtype": "", "direction": "", "dir": "", "address1": "", "addr1": "", "address2": "", "addr2": "", "address3": "", "addr3": "", "address4": "", "addr4": "",
	"ra": "", "ta": "", "lane": "", "metac": "", "bcc": "", "oam": "", "oamf4": "", "oamf4ec": "", "oamf4sc": "", "sc": "", "ilmic": "", "vpi": "", "vci": "",
	"connectmsg": "", "metaconnect": "", "on": "", "ifname": "", "rset": "", "ruleset": "", "rnr": "", "rulenum": "", "srnr": "", "subrulenum": "", "reason": "", "action": "",
	"fisu": "", "lssu": "", "lsu": "", "msu": "", "hfisu": "", "hlssu": "", "hmsu": "", "sio": "", "opc": "", "dpc": "", "sls": "", "hsio": "", "hopc": "", "hdpc": "", "hsls": "",
}

// numbers are the words that stand for one.
var numbers = map[string]uint32{
	"icmptype": 0, "icmpcode": 1, "icmp6type": 0, "icmp6code": 1,
	"icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8, "icmp-routeradvert": 9, "icmp-routersolicit": 10,
	"icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13, "icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,
	"icmp6-destinationunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4, "icmp6-echo": 128, "icmp6-echoreply": 129,
	"icmp6-multicastlistenerquery": 130, "icmp6-multicastlistenerreportv1": 131, "icmp6-multicastlistenerdone": 132, "icmp6-routersolicit": 133,
	"icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136, "icmp6-redirect": 137, "icmp6-routerrenum": 138,
	"icmp6-nodeinformationquery": 139, "icmp6-nodeinformationresponse": 140, "icmp6-ineighbordiscoverysolicit": 141, "icmp6-ineighbordiscoveryadvert": 142,
	"icmp6-multicastlistenerreportv2": 143, "icmp6-homeagentdiscoveryrequest": 144, "icmp6-homeagentdiscoveryreply": 145, "icmp6-mobileprefixsolicit": 146,
	"icmp6-mobileprefixadvert": 147, "icmp6-certpathsolicit": 148, "icmp6-certpathadvert": 149, "icmp6-multicastrouteradvert": 151,
	"icmp6-multicastroutersolicit": 152, "icmp6-multicastrouterterm": 153,
	"tcpflags": 13, "tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32, "tcp-ece": 64, "tcp-cwr": 128,
}

// ipProtocols are names for "ip proto NAME" (IANA's protocol numbers).
var ipProtocols = map[string]uint32{
	"ip": 0, "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "egp": 8, "igp": 9, "udp": 17, "dccp": 33, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "rsvp": 46, "gre": 47,
	"esp": 50, "ah": 51, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ospf": 89, "ipip": 94, "etherip": 97, "pim": 103, "vrrp": 112, "l2tp": 115, "sctp": 132,
	"udplite": 136,
}

// etherProtocols are names for "ether proto NAME".
var etherProtocols = map[string]uint32{
	"ip": etherIP4, "ip6": etherIP6, "arp": etherARP, "rarp": etherRARP, "aarp": etherAARP, "atalk": etherATalk, "decnet": 0x6003, "lat": 0x6004, "loopback": 0x9000,
	"mopdl": 0x6001, "moprc": 0x6002, "sca": 0x6007, "iso": sapISO, "stp": sapSTP, "ipx": sapIPX, "netbeui": sapNetBEUI,
}

// services are what people mean by a port's name, for the hint only: whether a
// name is of TCP, UDP or both differs from machine to machine.
var services = map[string]int{
	"http": 80, "https": 443, "ssh": 22, "domain": 53, "dns": 53, "ws": 80, "wss": 443, "http-alt": 8080, "mqtt": 1883, "ftp": 21, "smtp": 25, "ntp": 123, "telnet": 23,
}
