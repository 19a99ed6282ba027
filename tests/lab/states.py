# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the output of `ip -s xfrm state`. An unknown line is an error, since a number that
is overlooked would not be compared.
"""
import re


class Mismatch(Exception):
    """The input has a form that this program does not know."""


def number(text):
    return int(text, 0)


class Reader:
    """One SA, filled line by line from the output of ip."""

    def __init__(self, src, dst):
        self.sa = {
            "src": src, "dst": dst, "mark": "0/0xffffffff", "if_id": 0,
            "keyed": False, "window": 0, "seq": 0, "spi": 0,
        }
        self.rules = [
            (r"proto (\S+) spi \S+\((\d+)\) reqid (\d+)\(\S+\) mode (\S+)",
             self.identity),
            (r"replay-window (\d+) seq (0x\S+) flag.*\(\S+\)", self.header),
            (r"(?:aead|enc|auth|auth-trunc|comp) .*", self.algorithm),
            (r"mark (\S+)", self.mark),
            (r"if_id (\S+)", self.if_id),
            (r"replay_window (\d+), bitmap-length \d+", self.esn_window),
            (r"(\d+)\(bytes\), (\d+)\(packets\)", self.lifetime),
            (r"replay-window (\d+) replay (\d+) failed (\d+)", self.failures),
        ] + [(pattern, None) for pattern in (
            r"output-mark \S+", r"security context .*", r"encap type .*",
            r"coa .*", r"lastused .*", r"extra_flag .*", r"dir (in|out)", r"pcpu-num \d+",
            r"anti-replay (esn )?context:.*", r"seq-hi \S+ seq \S+ oseq-hi .*",
            r"[0-9a-f]{8}( [0-9a-f]{8})*", r"sel src .*",
            r"lifetime (config|current):", r"limit: .*", r"expire .*",
            r"add \S+ \S+ use .*", r"stats:",
        )]

    def identity(self, proto, spi, reqid, mode):
        self.sa.update(proto=proto, spi=int(spi), reqid=int(reqid), mode=mode)

    def header(self, window, seq):
        self.sa.update(window=int(window), seq=number(seq))

    def algorithm(self):
        self.sa["keyed"] = True

    def mark(self, mark):
        self.sa["mark"] = mark

    def if_id(self, if_id):
        self.sa["if_id"] = number(if_id)

    def esn_window(self, window):
        self.sa["window"] = int(window)

    def lifetime(self, size, packets):
        self.sa.update(bytes=int(size), packets=int(packets))

    def failures(self, replay_window, replay, integrity):
        self.sa.update(replay_window=int(replay_window), replay=int(replay),
                       integrity_failed=int(integrity))

    def line(self, text):
        for pattern, action in self.rules:
            match = re.fullmatch(pattern, text)
            if match:
                if action:
                    action(*match.groups())
                return
        raise Mismatch("ip xfrm state: unknown line: %r" % text)

    def result(self):
        for key in ("proto", "bytes", "replay"):
            if key not in self.sa:
                raise Mismatch("ip xfrm state: SA without %s: %s" % (key, self.sa))
        return self.sa


def parse_states(text):
    states, reader = [], None
    for line in text.splitlines():
        start = re.fullmatch(r"src (\S+) dst (\S+)", line.strip())
        if start and not line[:1].isspace():
            if reader:
                states.append(reader.result())
            reader = Reader(*start.groups())
        elif line.strip():
            if reader is None:
                raise Mismatch("ip xfrm state: text before an SA: %r" % line)
            reader.line(line.strip())
    if reader:
        states.append(reader.result())
    return states
