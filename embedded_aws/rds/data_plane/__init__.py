"""The data plane: what holds the rows of a cluster, behind the API that describes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from embedded_aws.rds.data_plane.sources import ConnectionPolicy


class DataPlaneError(RuntimeError):
    """The data plane could not do what it was asked; the resource in question has failed."""


class UnsupportedVersionError(DataPlaneError):
    """There is no PostgreSQL here for what was asked; the message says how to get it, if it can."""


@dataclass(frozen=True)
class Login:
    """A database user and its password; the password shows in no ``repr``."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Endpoint:
    """Where a client connects."""

    host: str
    port: int


@dataclass(frozen=True)
class ClusterNames:
    """The host names of a cluster: of its writer, and of its readers."""

    writer: str
    reader: str


@dataclass(frozen=True)
class Server:
    """What the data plane has for one cluster."""

    storage: str
    label: str
    endpoint: Endpoint
    accepting: bool
    log: Path | None


class DataPlane(Protocol):
    """Storage volumes, the servers on them, and immutable images of them.

    A *storage* is a cluster's volume, named by the cluster's resource id, which survives a rename.
    An *image* is what a snapshot holds; copies of a snapshot hold the same one.
    """

    def create(
        self, storage: str, *, label: str, owner: Login, database: str | None, major: int
    ) -> None:
        """A new volume of a major version, with the master user and, if named, a database."""
        ...

    def clone(self, storage: str, image: str, *, label: str, major: int) -> None:
        """A new volume with everything the image holds, roles and passwords included.

        The image's major version must be the one that is asked for.
        """
        ...

    def publish(self, storage: str, names: ClusterNames | None) -> None:
        """Names lead to the volume's servers from now on, and its former names nowhere."""
        ...

    def certify(self, storage: str) -> None:
        """The certificates of servers that start from now on show the present names."""
        ...

    def endpoint(self, storage: str, wished: Endpoint) -> Endpoint:
        """Where the volume's writer is reached by its name."""
        ...

    def reader_endpoint(self, storage: str, wished: Endpoint) -> Endpoint:
        """Where one of the volume's readers is reached by name, or its writer if it has none."""
        ...

    def instance_endpoint(self, storage: str, instance: str, wished: Endpoint) -> Endpoint:
        """Where an instance is reached, whatever its cluster is called."""
        ...

    def open(self, storage: str, *, logical_replication: bool = False) -> None:
        """Clients can connect from now on."""
        ...

    def set_readers(self, storage: str, instances: Sequence[str]) -> None:
        """Has a server with sessions of its own for each of these instances, and no other."""
        ...

    def close(self, storage: str) -> None:
        """Connections end, and new ones are refused."""
        ...

    def set_password(self, storage: str, login: Login) -> None:
        """Changes a user's password; the volume must be open."""
        ...

    def capture(self, storage: str) -> str:
        """An image of the volume as it is at this moment."""
        ...

    def release(self, image: str) -> None:
        """The image is not needed any more."""
        ...

    def discard(self, storage: str) -> None:
        """Closes the volume and deletes it."""
        ...

    def obey(self, policy: ConnectionPolicy) -> None:
        """From now on the policy decides who may connect; until then everybody may."""
        ...

    def servers(self) -> list[Server]:
        """Everything there is, to be looked at."""
        ...

    def stop(self) -> None:
        """Ends every server and removes what it left."""
        ...
