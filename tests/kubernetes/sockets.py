"""Whom a process of this machine is connected to, read from /proc."""

import re
import socket
from pathlib import Path

_ESTABLISHED = "01"


def connected(pid: int) -> set[tuple[str, int]]:
    """Return the address and port of every established TCP connection the process opened."""
    inodes = _inodes(pid)
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    listening = {_place(row[1]) for row in rows if row[3] == "0A" and row[9] in inodes}
    ours = [row for row in rows if row[3] == _ESTABLISHED and row[9] in inodes]
    return {_place(row[2]) for row in ours if _place(row[1]) not in listening}


def _inodes(pid: int) -> set[str]:
    found: set[str] = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", str(one.readlink()))
        except OSError:  # closed meanwhile
            continue
        if match:
            found.add(match.group(1))
    return found


def _place(text: str) -> tuple[str, int]:
    address, port = text.split(":")
    return socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)
