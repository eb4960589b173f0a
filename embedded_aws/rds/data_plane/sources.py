"""Who is at the other end of a loopback connection: a function, a client, another cluster.

A connection within one machine belongs to a process here, and the process says what AWS would see:
a Lambda function's runtime bears the function's name in its environment and its security groups on
its command line, and a PostgreSQL process has the server as its parent. All others are clients.
"""

import contextlib
import errno
import os
import socket
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import psutil

from embedded_aws.attachment import VpcAttachment

Address = tuple[str, int]

_FUNCTION = "AWS_LAMBDA_FUNCTION_NAME"
_REMEMBERED = 64
_PROC = Path("/proc")
_AF_NETLINK = 16
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST = 1
_ALL_STATES = 0xFFFFFFFF
_NO_COOKIE = (0xFFFFFFFF, 0xFFFFFFFF)
_PATIENCE_SECONDS = 1.0


class Kind(StrEnum):
    """What a connection comes from."""

    CLIENT = "client"
    FUNCTION = "function"
    SERVER = "server"


@dataclass(frozen=True)
class ConnectionSource:
    """A process that connects."""

    kind: Kind
    name: str
    """The function, the storage of the cluster that the server serves, or else the program."""
    pid: int | None = None
    attachment: VpcAttachment | None = None
    """Where a function is attached to a VPC."""


class ConnectionPolicy(Protocol):
    """Decides who may connect to a cluster, as security groups do."""

    def admits(self, source: ConnectionSource, storage: str) -> bool:
        """Return whether a connection to the cluster on that storage is let through."""
        ...


class Open:
    """Lets everybody connect to every cluster."""

    def admits(self, source: ConnectionSource, storage: str) -> bool:  # noqa: ARG002
        """Return true."""
        return True


class Sources:
    """Finds the process behind a connection; those that were found before are tried first."""

    def __init__(self, servers: Callable[[], Mapping[int, str]]) -> None:
        self._servers = servers
        self._recent: OrderedDict[int, None] = OrderedDict()

    def find(self, client: Address, own: Address) -> ConnectionSource:
        """Return who is at ``client``; a process that is gone already counts as a client."""
        owned = _owns_inode(client, own) if sys.platform == "linux" else _owns_address(client, own)
        pid = next((pid for pid in self._candidates() if owned(pid)), None)
        if pid is None:
            return ConnectionSource(Kind.CLIENT, "")
        self._remember(pid)
        return self._classified(pid)

    def _candidates(self) -> Iterator[int]:
        recent = list(reversed(self._recent))
        yield from recent
        yield from (pid for pid in reversed(psutil.pids()) if pid not in recent)

    def _remember(self, pid: int) -> None:
        self._recent[pid] = None
        self._recent.move_to_end(pid)
        while len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)

    def _classified(self, pid: int) -> ConnectionSource:
        servers = self._servers()
        try:
            process = psutil.Process(pid)
            for each in (pid, process.ppid()):
                if each in servers:
                    return ConnectionSource(Kind.SERVER, servers[each], pid)
            name = process.name()
        except psutil.Error:
            return ConnectionSource(Kind.CLIENT, "", pid)
        with contextlib.suppress(psutil.Error):
            function = process.environ().get(_FUNCTION)
            if function:
                attachment = VpcAttachment.on(process.cmdline())
                return ConnectionSource(Kind.FUNCTION, function, pid, attachment)
        return ConnectionSource(Kind.CLIENT, name, pid)


def _owns_inode(client: Address, own: Address) -> Callable[[int], bool]:
    """Return a test by the inode that Linux lists for the client's end of the connection."""
    wanted = f"socket:[{inode}]" if (inode := _inode(client, own)) else None

    def owns(pid: int) -> bool:
        if wanted is None:
            return False
        try:
            with os.scandir(_PROC / str(pid) / "fd") as descriptors:
                for descriptor in descriptors:
                    with contextlib.suppress(OSError):
                        if str(Path(descriptor.path).readlink()) == wanted:
                            return True
        except OSError:
            return False
        return False

    return owns


def _inode(client: Address, own: Address) -> str | None:
    """Ask the kernel for one socket; where that is not allowed, look through all of them."""
    try:
        return _diagnosed_inode(client, own)
    except OSError:
        return _listed_inode(client, own)


def _diagnosed_inode(client: Address, own: Address) -> str | None:
    """Source: sock_diag(7), ``inet_diag_req_v2`` and ``inet_diag_msg``."""
    ends = struct.pack("!HH", client[1], own[1]) + b"".join(
        socket.inet_aton(host).ljust(16, b"\0") for host in (client[0], own[0])
    )
    question = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, _ALL_STATES)
    question += ends + struct.pack("=III", 0, *_NO_COOKIE)
    header = struct.pack("=IHHII", 16 + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST, 0, 0)
    with socket.socket(_AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_PATIENCE_SECONDS)
        kernel.sendto(header + question, (0, 0))
        answer = kernel.recv(4096)
    (kind,) = struct.unpack_from("=H", answer, 4)
    if kind != _SOCK_DIAG_BY_FAMILY:
        (code,) = struct.unpack_from("=i", answer, 16)
        if -code in (errno.ENOENT, 0):
            return None
        raise OSError(-code, "the kernel does not tell")
    (inode,) = struct.unpack_from("=I", answer, 16 + 68)
    return str(inode) if inode else None


def _listed_inode(client: Address, own: Address) -> str | None:
    ends = (_hexadecimal(client), _hexadecimal(own))
    mapped = tuple(f"0000000000000000FFFF0000{end}" for end in ends)
    for table, wanted in (("tcp", ends), ("tcp6", mapped)):
        try:
            lines = (_PROC / "self" / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if (fields[1], fields[2]) == wanted and fields[9] != "0":
                return fields[9]
    return None


def _hexadecimal(address: Address) -> str:
    """Return an address as ``/proc/net/tcp`` has it: in the machine's byte order."""
    host, port = address[:2]
    (number,) = struct.unpack("=I", socket.inet_aton(host))
    return f"{number:08X}:{port:04X}"


def _owns_address(client: Address, own: Address) -> Callable[[int], bool]:
    """Return a test by the addresses that a process's own list of connections shows."""

    def owns(pid: int) -> bool:
        try:
            connections = psutil.Process(pid).net_connections(kind="tcp")
        except psutil.Error:
            return False
        return any(
            (tuple(each.laddr)[1:], tuple(each.raddr)[1:]) == (client[1:], own[1:])
            for each in connections
        )

    return owns
