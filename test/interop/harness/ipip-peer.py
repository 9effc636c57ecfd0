"""IPIP by the kernel's IP layer and forty lines: the other end that shares nothing with the programs under test.

`ipip-peer.py LOCAL REMOTE`: a tun device `tunl0`; what is routed to it leaves as protocol 4 to REMOTE, through a raw socket,
so that the kernel writes the outer header; what a raw socket gets from REMOTE (the kernel has checked its header and
put fragments together by then) comes out of the device.
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000

local, remote = sys.argv[1:3]
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tunl0", IFF_TUN | IFF_NO_PI))
wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, 4)
wire.bind((local, 0))
print("ready", flush=True)
while True:
    readable, _, _ = select.select([tun, wire], [], [])
    if tun in readable:
        packet = os.read(tun, 65535)
        if packet[0] >> 4 == 4:
            wire.sendto(packet, (remote, 0))
    if wire in readable:
        outer, (source, _) = wire.recvfrom(65535)
        length = (outer[0] & 15) * 4
        if source == remote:
            print(f"tos {outer[1]} ttl {outer[8]} df {outer[6] >> 6 & 1} id {outer[4] << 8 | outer[5]} length {len(outer)}", flush=True)
            os.write(tun, outer[length:])
