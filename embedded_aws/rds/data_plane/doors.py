"""Where clusters are reached: a door is a loopback address and a port, and names lead to doors.

A name keeps its door, whichever cluster has it at the moment: as in AWS, where a name that another
cluster gets leads its clients there, and a name that no cluster has leads nowhere.
"""

import asyncio
import itertools
import socket
import time
from dataclasses import dataclass

from embedded_aws.rds.data_plane import ClusterNames, DataPlaneError, Endpoint
from embedded_aws.rds.data_plane.network import Admit, Front, Target, reserve
from embedded_aws.rds.data_plane.tls import ADDRESS, HOST

_REOPEN_SECONDS = 5.0
_PORT_TRIES = 20
_HOSTS_PER_BLOCK = 250


class Door:
    """Bound at all times, so that nobody else gets the port; shut, it refuses every connection."""

    def __init__(self, front: Front, held: socket.socket) -> None:
        self._front = front
        self._held: socket.socket | None = held
        self._listener: asyncio.Server | None = None
        self.address: str
        self.port: int
        self.address, self.port = held.getsockname()

    @property
    def endpoint(self) -> Endpoint:
        """Where a client connects."""
        return Endpoint(HOST if self.address == ADDRESS else self.address, self.port)

    def open(self, target: Target, admit: Admit) -> None:
        """Pass what is admitted on to the server at ``target``."""
        if self._held is not None:
            self._listener = self._front.open(self._held, target, admit)
            self._held = None

    def shut(self) -> None:
        """Refuse new connections; those that there are go on."""
        if self._listener is not None:
            self._front.shut(self._listener)
            self._listener = None
            self._held = _reserve_again(self.port, self.address)

    def close(self) -> None:
        """Give the port back."""
        if self._listener is not None:
            self._front.shut(self._listener)
        if self._held is not None:
            self._held.close()
        self._listener = self._held = None


@dataclass(frozen=True)
class NamedDoors:
    """The doors to which the two names of a cluster lead: the same port of two addresses."""

    writer: Door
    reader: Door

    @property
    def addresses(self) -> tuple[str, ...]:
        """What a certificate names."""
        return self.writer.address, self.reader.address

    def close(self) -> None:
        """Give the ports back."""
        self.writer.close()
        self.reader.close()


class NameService:
    """The names of clusters and their doors; the doors are found by either name."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._doors: dict[str, NamedDoors] = {}
        self._hosts = (
            f"{block}.{host}"
            for block, host in itertools.product(range(256), range(1, _HOSTS_PER_BLOCK))
        )

    def find(self, host: str) -> NamedDoors | None:
        """Return the doors of a name that a cluster has or had."""
        return self._doors.get(host)

    def register(self, names: ClusterNames) -> NamedDoors:
        """Return the doors of a cluster's names."""
        if names.writer not in self._doors:
            self._doors[names.writer] = self._doors[names.reader] = self._new()
        return self._doors[names.writer]

    def close(self) -> None:
        """Give every port back."""
        for doors in {id(each): each for each in self._doors.values()}.values():
            doors.close()
        self._doors.clear()

    def _new(self) -> NamedDoors:
        """Reserve a port of two addresses; macOS has 127.0.0.1 alone, where both lead to one."""
        host = next(self._hosts)
        for _ in range(_PORT_TRIES):
            try:
                writer = reserve(address=f"127.1.{host}")
            except OSError:
                break
            try:
                reader = reserve(writer.getsockname()[1], f"127.2.{host}")
            except OSError:
                writer.close()
            else:
                return NamedDoors(Door(self._front, writer), Door(self._front, reader))
        only = Door(self._front, reserve())
        return NamedDoors(only, only)


def _reserve_again(port: int, address: str) -> socket.socket:
    """Take the port back after its listener has closed."""
    deadline = time.monotonic() + _REOPEN_SECONDS
    while True:
        try:
            return reserve(port, address)
        except OSError as error:
            if time.monotonic() >= deadline:
                raise DataPlaneError(f"port {port} is taken") from error
            time.sleep(0.02)
