"""Reads an image's files with the libraries of those whose tools bring them onto boards: pyelftools, IntelHex, Microsoft's
uf2conv and Nordic's nrfutil. Prints what each has found as JSON.

usage: firmware_files.py DIR/NAME, without extension; files that are not there are left out
"""
import hashlib
import json
import os
import sys
import tempfile
import zipfile
from contextlib import redirect_stdout

from adafruit_uf2 import uf2conv
from elftools.elf.elffile import ELFFile
from intelhex import IntelHex
from nordicsemi.dfu.init_packet_pb import InitPacketPB
from nordicsemi.dfu.package import Package

NRF52840 = 0xADA52840


def found(start, octets):
    """Padding at the end, up to a block of UF2, is the container's business."""
    octets = octets.rstrip(b"\xff")
    return {"start": start, "len": len(octets), "sha256": hashlib.sha256(octets).hexdigest()}


def elf(path):
    flash = IntelHex()
    with open(path, "rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            if segment["p_filesz"]:
                flash.frombytes(segment.data(), segment["p_paddr"])
    return found(flash.minaddr(), flash.tobinstr())


def intel_hex(path):
    flash = IntelHex(path)
    return found(flash.minaddr(), flash.tobinstr())


def uf2(path, hex_path):
    with open(path, "rb") as file:
        ours = file.read()
    with open(hex_path, "rb") as file:
        text = file.read()
    uf2conv.familyid = NRF52840
    with redirect_stdout(sys.stderr):
        octets = uf2conv.convert_from_uf2(ours)
    start = uf2conv.appstartaddr
    theirs = uf2conv.convert_from_hex_to_uf2(text.decode())
    return found(start, octets) | {"is_as_uf2conv_makes_it": ours == theirs}


def dfu(path, hex_path):
    package = Package()
    package.parse_package(path, preserve_work_dir=True)
    image = package.manifest.application
    with open(os.path.join(package.zip_dir, image.bin_file), "rb") as file:
        octets = file.read()
    with open(os.path.join(package.zip_dir, image.dat_file), "rb") as file:
        ours = file.read()
    command = InitPacketPB(from_bytes=ours).init_command
    with tempfile.TemporaryDirectory() as directory:
        theirs = os.path.join(directory, "package.zip")
        made = Package(hw_version=52, app_version=1, sd_req=[0], sd_id=[0], app_fw=hex_path)
        made.generate_package(theirs)
        archive = zipfile.ZipFile(theirs)
        dat = next(name for name in archive.namelist() if name.endswith(".dat"))
        is_same = archive.read(dat) == ours
    return found(0, octets) | {
        "app_size": command.app_size,
        "bin_size": len(octets),
        "hash": bytes(command.hash.hash)[::-1].hex(),
        "bin_sha256": hashlib.sha256(octets).hexdigest(),
        "is_as_nrfutil_makes_it": is_same,
        "shown": str(package),
    }


def main():
    name = sys.argv[1]
    path = {extension: f"{name}.{extension}" for extension in ("elf", "hex", "uf2", "zip")}
    files = {"elf": elf(path["elf"]), "hex": intel_hex(path["hex"])}
    if os.path.exists(path["uf2"]):
        files["uf2"] = uf2(path["uf2"], path["hex"])
    if os.path.exists(path["zip"]):
        files["zip"] = dfu(path["zip"], path["hex"])
    json.dump(files, sys.stdout)


main()
