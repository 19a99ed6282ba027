# SPDX-License-Identifier: GPL-2.0-or-later
"""A small SNMPv1 and v2c manager: just enough BER (X.690) and RFC 3416, over UDP.

It shows types as their tags on the wire, and can request names that no tool requests.
"""

import contextlib
import itertools
import socket
from collections import namedtuple

INTEGER, OCTET_STRING, NULL, OBJECT_ID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TIMETICKS, OPAQUE, COUNTER64, UINTEGER32 = (
    0x40, 0x41, 0x42, 0x43, 0x44, 0x46, 0x47)
NUMBERS = (COUNTER32, GAUGE32, TIMETICKS, COUNTER64, UINTEGER32)
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW = 0x80, 0x81, 0x82
GET, GETNEXT, RESPONSE, SET, GETBULK = 0xA0, 0xA1, 0xA2, 0xA3, 0xA5

TYPE_NAMES = {
    INTEGER: "INTEGER", OCTET_STRING: "OCTET STRING", NULL: "NULL",
    OBJECT_ID: "OBJECT IDENTIFIER", COUNTER32: "Counter32", GAUGE32: "Gauge32",
    TIMETICKS: "TimeTicks", COUNTER64: "Counter64", NO_SUCH_OBJECT: "noSuchObject",
    NO_SUCH_INSTANCE: "noSuchInstance", END_OF_MIB_VIEW: "endOfMibView",
    IP_ADDRESS: "IpAddress", OPAQUE: "Opaque", UINTEGER32: "UInteger32",
}
NO_ERROR, NO_SUCH_NAME, BAD_VALUE, GEN_ERR, NO_ACCESS, WRONG_TYPE, NOT_WRITABLE = (
    0, 2, 3, 5, 6, 7, 17)
V1, V2C = 0, 1

Varbind = namedtuple("Varbind", "name type value")
Response = namedtuple("Response", "error index varbinds")


class NoAnswer(Exception):
    pass


class BadAnswer(Exception):
    pass


# --- BER -------------------------------------------------------------------------

def tlv(tag, body):
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def encode_integer(number, tag=INTEGER):
    return tlv(tag, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def encode_subid(number):
    septets = [number & 0x7F]
    while number := number >> 7:
        septets.append(number & 0x7F | 0x80)
    return bytes(reversed(septets))


def encode_oid(oid):
    first = (oid[0] * 40 + oid[1],)
    return tlv(OBJECT_ID, b"".join(map(encode_subid, first + tuple(oid[2:]))))


def encode_value(tag, value):
    if tag == INTEGER or tag in NUMBERS:
        return encode_integer(value, tag)
    if tag == OBJECT_ID:
        return encode_oid(value)
    return tlv(tag, value or b"")


def take(data, want=None):
    """The tag and body of the first element, and the rest."""
    if len(data) < 2:
        raise BadAnswer("short")
    tag, length, at = data[0], data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    if at + length > len(data):
        raise BadAnswer("short")
    if want is not None and tag != want:
        raise BadAnswer(f"tag {tag:#x}, not {want:#x}")
    return tag, data[at:at + length], data[at + length:]


def take_integer(data):
    _, body, rest = take(data, INTEGER)
    return int.from_bytes(body, "big", signed=True), rest


def decode_oid(body):
    subids, number = [], 0
    for byte in body:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            subids.append(number)
            number = 0
    top = min(subids[0] // 40, 2)
    return (top, subids[0] - 40 * top, *subids[1:])


def decode_value(tag, body):
    if tag == INTEGER:
        return int.from_bytes(body, "big", signed=True)
    if tag in NUMBERS:
        number = int.from_bytes(body, "big", signed=True)
        if number < 0 or number >= 1 << (64 if tag == COUNTER64 else 32):
            raise BadAnswer(f"{TYPE_NAMES[tag]} {body.hex()} is out of range")
        return number
    if tag == OBJECT_ID:
        return decode_oid(body)
    return bytes(body) if tag in (OCTET_STRING, IP_ADDRESS, OPAQUE) else None


def decode_varbinds(data):
    varbinds = []
    while data:
        _, pair, data = take(data, SEQUENCE)
        _, name, rest = take(pair, OBJECT_ID)
        tag, body, rest = take(rest)
        if rest:
            raise BadAnswer("something follows a value")
        varbinds.append(Varbind(decode_oid(name), tag, decode_value(tag, body)))
    return varbinds


def encode_message(version, community, kind, number, second, third, varbinds):
    """second, third: error-status and error-index, or the two numbers of a GETBULK."""
    binds = b"".join(tlv(SEQUENCE, encode_oid(name) + encode_value(tag, value))
                     for name, tag, value in varbinds)
    pdu = (encode_integer(number) + encode_integer(second) + encode_integer(third) +
           tlv(SEQUENCE, binds))
    return tlv(SEQUENCE, encode_integer(version) + tlv(OCTET_STRING, community.encode()) +
               tlv(kind, pdu))


def decode_message(data):
    """The version, the number and the response."""
    _, message, rest = take(data, SEQUENCE)
    if rest:
        raise BadAnswer("something follows the message")
    version, message = take_integer(message)
    _, _, message = take(message, OCTET_STRING)
    _, pdu, _ = take(message, RESPONSE)
    number, pdu = take_integer(pdu)
    error, pdu = take_integer(pdu)
    index, pdu = take_integer(pdu)
    _, binds, _ = take(pdu, SEQUENCE)
    return version, number, Response(error, index, decode_varbinds(binds))


# --- the manager -----------------------------------------------------------------

class Manager:
    """Sends requests to an agent on loopback, each only once."""

    ids = itertools.count(1)

    def __init__(self, port, community="public", version=V2C, timeout=20.0):
        self.port, self.community = port, community
        self.version, self.timeout = version, timeout
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))

    def close(self):
        self.socket.close()

    def request(self, kind, varbinds, second=0, third=0):
        number = next(self.ids)
        return self._answer_to(number, encode_message(
            self.version, self.community, kind, number, second, third, varbinds))

    def _answer_to(self, number, message):
        self.socket.settimeout(self.timeout)
        try:
            self.socket.send(message)
            while True:
                answer = self._decode(self.socket.recv(65536))
                if answer[0] == number:
                    return answer[1]
        except (TimeoutError, ConnectionRefusedError) as err:
            raise NoAnswer(str(err)) from None

    def _decode(self, data):
        version, number, response = decode_message(data)
        if version != self.version:
            raise BadAnswer(f"version {version}")
        return number, response

    def get(self, *names):
        return self.request(GET, [(name, NULL, None) for name in names])

    def getnext(self, *names):
        return self.request(GETNEXT, [(name, NULL, None) for name in names])

    def getbulk(self, names, non_repeaters=0, max_repetitions=10):
        return self.request(GETBULK, [(name, NULL, None) for name in names],
                            non_repeaters, max_repetitions)

    def set(self, *varbinds):
        return self.request(SET, varbinds)

    def over_tcp(self, kind, *names):
        """A single request over TCP, where it may be longer than 64 KiB."""
        number, data = next(self.ids), b""
        binds = [(name, NULL, None) for name in names]
        with socket.create_connection(("127.0.0.1", self.port), self.timeout) as stream:
            stream.sendall(encode_message(self.version, self.community, kind, number, 0, 0,
                                          binds))
            while True:
                received = stream.recv(65536)
                if not received:
                    raise NoAnswer("the connection is closed")
                data += received
                with contextlib.suppress(BadAnswer):  # until it is complete
                    take(data)
                    return self._decode(data)[1]

    def value(self, name):
        """The value of one object, or None if it does not exist."""
        return self.get(name).varbinds[0].value

    def walk(self, root):
        """Everything below root, by GETNEXT. Raises if the names do not increase."""
        found, name = [], root
        while True:
            answer = self.getnext(name)
            if answer.error == NO_SUCH_NAME and self.version == V1:
                return found
            if answer.error:
                raise BadAnswer(f"error {answer.error} after {dotted(name)}")
            varbind = answer.varbinds[0]
            if varbind.type == END_OF_MIB_VIEW or varbind.name[:len(root)] != root:
                return found
            if varbind.name <= name:
                raise BadAnswer(f"{dotted(varbind.name)} follows {dotted(name)}")
            found.append(varbind)
            name = varbind.name


def dotted(oid):
    return ".".join(map(str, oid))


def undotted(text):
    return tuple(int(part) for part in text.strip(".").split("."))
