"""Spinel frames by pyspinel, OpenThread's own library.

For each line "TRANSACTION COMMAND PROPERTY FORMAT FIELD... LINE" on the standard input prints "ENCODED DECODED": the frame as
pyspinel puts it on a line, and what it reads from LINE, both as hex. Numbers are decimal; a FIELD of the formats E, d and D is
hex, "-" is empty.
"""

import io
import sys

from spinel.codec import SpinelCodec
from spinel.hdlc import Hdlc


class Line:
    def __init__(self, octets):
        self.octets = io.BytesIO(octets)

    def read(self):
        return self.octets.read(1)[0]


def field(code, text):
    if code in "EdD":
        return b"" if text == "-" else bytes.fromhex(text)
    return int(text)


def main():
    codec = SpinelCodec()
    for words in map(str.split, sys.stdin):
        transaction, command, number = (int(word) for word in words[:3])
        codes, fields, line = words[3].strip("-"), words[4:-1], bytes.fromhex(words[-1])
        values = [field(code, text) for code, text in zip(codes, fields)]
        payload = codec.encode_i(number) + codec.encode_fields(codes, *values)
        encoded = Hdlc(None).encode(codec.encode_packet(command, payload, 0x80 | transaction))
        print(bytes(encoded).hex(), Hdlc(Line(line)).collect().hex(), flush=True)


main()
