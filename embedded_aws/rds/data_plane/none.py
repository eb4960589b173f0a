"""A data plane without data: it knows who could log in where, and nothing else."""

import itertools
from collections.abc import Sequence

from embedded_aws.rds.data_plane import ClusterNames, DataPlaneError, Endpoint, Login, Server
from embedded_aws.rds.data_plane.sources import ConnectionPolicy


class NoDataPlane:
    """Keeps the passwords of each volume and image, so that a test can ask what became of them."""

    def __init__(self) -> None:
        self.passwords: dict[str, dict[str, str]] = {}
        self.images: dict[str, dict[str, str]] = {}
        self.accepting: set[str] = set()
        self.readers: dict[str, tuple[str, ...]] = {}
        self.names: dict[str, ClusterNames | None] = {}
        self.certified: dict[str, ClusterNames | None] = {}
        self._labels: dict[str, str] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._numbers = itertools.count(1)

    def create(
        self,
        storage: str,
        *,
        label: str,
        owner: Login,
        database: str | None,  # noqa: ARG002
        major: int,  # noqa: ARG002
    ) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self.passwords[storage] = {owner.username: owner.password}
        self._labels[storage] = label

    def clone(self, storage: str, image: str, *, label: str, major: int) -> None:  # noqa: ARG002
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self.passwords[storage] = dict(self.images[image])
        self._labels[storage] = label

    def publish(self, storage: str, names: ClusterNames | None) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self.names[storage] = names
        self.certified.setdefault(storage, names)

    def certify(self, storage: str) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self.certified[storage] = self.names.get(storage)

    def endpoint(self, storage: str, wished: Endpoint) -> Endpoint:
        """The endpoint that AWS would give: nothing listens on it."""
        self._endpoints[storage] = wished
        return wished

    def reader_endpoint(self, storage: str, wished: Endpoint) -> Endpoint:  # noqa: ARG002
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        return wished

    def instance_endpoint(self, storage: str, instance: str, wished: Endpoint) -> Endpoint:  # noqa: ARG002
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        return wished

    def set_readers(self, storage: str, instances: Sequence[str]) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self.readers[storage] = tuple(instances)

    def open(self, storage: str, *, logical_replication: bool = False) -> None:  # noqa: ARG002
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self.accepting.add(storage)

    def close(self, storage: str) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self.accepting.discard(storage)

    def set_password(self, storage: str, login: Login) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        if storage not in self.accepting:
            raise DataPlaneError(f"{self._labels[storage]} has no running server")
        self.passwords[storage][login.username] = login.password

    def capture(self, storage: str) -> str:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        image = f"image-{next(self._numbers)}"
        self.images[image] = dict(self.passwords[storage])
        return image

    def release(self, image: str) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        del self.images[image]

    def discard(self, storage: str) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self.close(storage)
        del self.passwords[storage]

    def obey(self, policy: ConnectionPolicy) -> None:
        """Nothing listens, so nobody connects."""

    def servers(self) -> list[Server]:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        return [
            Server(
                storage=storage,
                label=self._labels[storage],
                endpoint=self._endpoints.get(storage, Endpoint("", 0)),
                accepting=storage in self.accepting,
                log=None,
            )
            for storage in self.passwords
        ]

    def stop(self) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self.accepting.clear()
