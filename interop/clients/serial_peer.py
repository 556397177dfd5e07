"""The other end of a serial line, made with other people's libraries: cobs, sliplib, digi-xbee, crccheck.

    serial_peer.py FRAMING DEVICE

FRAMING is as in the gateway's configuration. Makes a pseudo-terminal and a link DEVICE to it. Command: "send HEX" sends a
datagram, from NODE if the framing has addresses. Prints "heard HEX" for each datagram of the gateway, and "heard all HEX"
if it went to everybody.
"""

import os
import select
import sys
import tty

import sliplib
from cobs import cobs
from crccheck.crc import CrcX25, CrcXmodem
from digi.xbee.models.address import XBee16BitAddress, XBee64BitAddress
from digi.xbee.models.mode import OperatingMode
from digi.xbee.models.status import TransmitStatus
from digi.xbee.packets.base import XBeePacket
from digi.xbee.packets.common import ReceivePacket, TransmitPacket, TransmitStatusPacket
from digi.xbee.packets.raw import RX64Packet, TX64Packet, TXStatusPacket

NODE = XBee64BitAddress.from_hex_string("0013A20040A17E7D")
RSSI = 40


class Raw:
    def encode(self, datagram):
        return datagram

    def decode(self, octets):
        # Only the short form of Length comes here.
        while octets and len(octets) >= octets[0]:
            datagram, octets = octets[: octets[0]], octets[octets[0] :]
            yield "heard", datagram
        self.rest = octets


class Cobs:
    def encode(self, datagram):
        return cobs.encode(datagram + CrcX25.calc(datagram).to_bytes(2, "little")) + b"\0"

    def decode(self, octets):
        *frames, self.rest = octets.split(b"\0")
        for frame in frames:
            yield "heard", checked(cobs.decode(frame), CrcX25)


class Slip:
    def __init__(self, crc):
        self.crc = crc

    def encode(self, datagram):
        sum = self.crc.calc(datagram).to_bytes(2, "little") if self.crc else b""
        return sliplib.END + sliplib.encode(datagram + sum) + sliplib.END

    def decode(self, octets):
        *frames, self.rest = octets.split(sliplib.END)
        for frame in filter(None, frames):
            datagram = sliplib.decode(frame)
            yield "heard", checked(datagram, self.crc) if self.crc else datagram


class XBee:
    def __init__(self, escaped):
        self.escaped = escaped
        self.mode = OperatingMode.ESCAPED_API_MODE if escaped else OperatingMode.API_MODE
        self.plain = bytearray()

    def encode(self, datagram):
        return self.octets(self.received(datagram))

    def octets(self, packet):
        return bytes(packet.output(escaped=self.escaped))

    def decode(self, octets):
        # A lone escape waits for what it escapes.
        lone = self.escaped and octets.endswith(b"\x7d")
        octets, self.rest = (octets[:-1], octets[-1:]) if lone else (octets, b"")
        self.plain += XBeePacket.unescape_data(octets) if self.escaped else octets
        while len(self.plain) >= 4 and len(self.plain) >= (end := 4 + int.from_bytes(self.plain[1:3], "big")):
            request = self.request.create_packet(self.plain[:end], self.mode)
            self.plain = self.plain[end:]
            answer(self.octets(self.status(request.frame_id)))
            everybody = request.x64bit_dest_addr == XBee64BitAddress.BROADCAST_ADDRESS
            assert everybody or request.x64bit_dest_addr == NODE, request.x64bit_dest_addr
            yield "heard all" if everybody else "heard", bytes(request.rf_data)


class DigiMesh(XBee):
    request = TransmitPacket

    def received(self, datagram):
        return ReceivePacket(NODE, XBee16BitAddress.UNKNOWN_ADDRESS, 1, bytearray(datagram), op_mode=self.mode)

    def status(self, number):
        return TransmitStatusPacket(number, XBee16BitAddress.UNKNOWN_ADDRESS, 0, op_mode=self.mode)


class Ieee802154(XBee):
    request = TX64Packet

    def received(self, datagram):
        return RX64Packet(NODE, RSSI, 0, bytearray(datagram), op_mode=self.mode)

    def status(self, number):
        return TXStatusPacket(number, TransmitStatus.SUCCESS, op_mode=self.mode)


def checked(octets, crc):
    datagram, found = octets[:-2], int.from_bytes(octets[-2:], "little")
    assert crc.calc(datagram) == found, octets.hex()
    return datagram


FRAMINGS = {
    "raw": Raw(),
    "cobs": Cobs(),
    "slip": Slip(None),
    "slip-crc": Slip(CrcXmodem),
    "xbee": DigiMesh(escaped=False),
    "xbee-escaped": DigiMesh(escaped=True),
    "xbee-802.15.4": Ieee802154(escaped=False),
    "xbee-802.15.4-escaped": Ieee802154(escaped=True),
}

framing = FRAMINGS[sys.argv[1]]
framing.rest = b""
master, slave = os.openpty()
tty.setraw(slave)
os.symlink(os.ttyname(slave), sys.argv[2])


def answer(octets):
    os.write(master, octets)


while True:
    ready, _, _ = select.select([master, sys.stdin], [], [])
    if master in ready:
        for what, datagram in framing.decode(framing.rest + os.read(master, 4096)):
            print(what, datagram.hex())
    if sys.stdin in ready:
        line = sys.stdin.readline()
        if not line:
            break
        answer(framing.encode(bytes.fromhex(line.removeprefix("send "))))
