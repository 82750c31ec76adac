"""Sends one datagram from very many addresses that nobody has, at a steady rate."""
import argparse
import ctypes
import os
import socket
import struct
import time

BATCH = 64
IP_HEADER = 20
UDP_HEADER = 8


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("name_size", ctypes.c_uint32),
                ("iov", ctypes.POINTER(Iovec)), ("iov_count", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_size", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("header", Msghdr), ("size", ctypes.c_uint)]


class Spray:
    """A raw socket, and a batch of equal packets in which only the source addresses change."""

    def __init__(self, target: tuple[str, int], text: bytes):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        size = IP_HEADER + UDP_HEADER + len(text)
        packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, socket.IPPROTO_UDP, 0,
                             b"\0\0\0\0", socket.inet_aton(target[0]))
        packet += struct.pack("!HHHH", 6665, target[1], UDP_HEADER + len(text), 0) + text
        self.stride = size
        self.bytes = bytearray(packet * BATCH)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self.bytes))
        self.name = ctypes.create_string_buffer(
            struct.pack("=H", socket.AF_INET) + struct.pack("!H", 0)
            + socket.inet_aton(target[0]) + bytes(8), 16)
        self.vectors = (Iovec * BATCH)(*[Iovec(base + i * size, size) for i in range(BATCH)])
        self.messages = (Mmsghdr * BATCH)()
        for i in range(BATCH):
            header = self.messages[i].header
            header.name, header.name_size = ctypes.addressof(self.name), 16
            header.iov, header.iov_count = ctypes.pointer(self.vectors[i]), 1
        self.sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg

    def send(self, first: int) -> None:
        """BATCH packets, from 11.0.0.0 + FIRST on."""
        sources = struct.pack(f"!{BATCH}I", *range(0x0B000000 + first, 0x0B000000 + first + BATCH))
        for byte in range(4):
            self.bytes[12 + byte::self.stride] = sources[byte::4]
        if self.sendmmsg(self.sock.fileno(), self.messages, BATCH, 0) != BATCH:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="10.77.0.1")
    parser.add_argument("--port", type=int, default=6666)
    parser.add_argument("--count", type=int, default=1_000_000, help="datagrams, and sources")
    parser.add_argument("--rate", type=float, required=True, help="datagrams a second")
    parser.add_argument("--text", default="[    5.000000] Kernel panic - not syncing: forged\n")
    options = parser.parse_args()
    spray = Spray((options.target, options.port), options.text.encode())
    begin = time.monotonic()
    for first in range(0, options.count, BATCH):
        early = begin + first / options.rate - time.monotonic()
        if early > 0.0005:
            time.sleep(early)
        spray.send(first)
    took = time.monotonic() - begin
    print(f"{options.count} datagrams in {took:.2f} s: {options.count / took:.0f} a second")


if __name__ == "__main__":
    main()
