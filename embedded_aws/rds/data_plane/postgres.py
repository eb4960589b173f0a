"""The data plane that really holds rows: a PostgreSQL server per cluster, on 127.0.0.1.

A volume is a PostgreSQL data directory, an image a copy of one. The servers keep nothing safe
(``fsync = off``): what they hold lives as long as the emulator, in memory where there is enough.
"""

import contextlib
import itertools
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pg8000.native
from pg8000.native import identifier, literal

from embedded_aws.rds.data_plane import (
    ClusterNames,
    DataPlaneError,
    Endpoint,
    Login,
    Server,
    UnsupportedVersionError,
    reaper,
    scram,
    system_user,
    template,
    tls,
)
from embedded_aws.rds.data_plane.builds import Build, Installation
from embedded_aws.rds.data_plane.cache import cache_directory, prepare_once
from embedded_aws.rds.data_plane.cron import CronScheduler
from embedded_aws.rds.data_plane.doors import Door, NamedDoors, NameService
from embedded_aws.rds.data_plane.heartbeat import Heartbeat
from embedded_aws.rds.data_plane.network import Front, reserve
from embedded_aws.rds.data_plane.server import PostgresServer
from embedded_aws.rds.data_plane.sources import ConnectionPolicy, ConnectionSource, Open, Sources

_REAPER_SECONDS = 10.0


@dataclass
class _Volume:
    storage: str
    label: str
    data: Path
    log: Path
    own: Door
    """Where its writer is reached as an instance."""
    named: NamedDoors | None = None
    certified: tuple[str, ...] | None = None
    """The addresses in its servers' certificates, once it has any."""
    server: PostgresServer | None = None
    readers: dict[str, "_Reader"] = field(default_factory=dict)
    processes: set[int] = field(default_factory=set)
    """The process ids of its servers, of those that are about to start too."""
    logical_replication: bool = False

    @property
    def doors(self) -> tuple[Door, ...]:
        """Every door to it but those of its readers."""
        named = (self.named.writer, self.named.reader) if self.named else ()
        return (self.own, *named)

    def writer_port(self) -> int | None:
        return self.server.port if self.server else None

    def reader_port(self) -> int | None:
        """A reader's port, by chance as the name service of AWS has it, or else the writer's."""
        readers = list(self.readers.values())
        return random.choice(readers).server.port if readers else self.writer_port()  # noqa: S311


@dataclass
class _Reader:
    data: Path
    server: PostgresServer
    door: Door


class PostgresDataPlane:
    """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""

    def __init__(self, directory: Path, *, in_memory: bool = True) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.logs = directory / "logs"
        self.logs.mkdir(exist_ok=True)
        self._user = system_user.SystemUser.fitting()
        self._authority = tls.Authority.new(directory / "tls")
        self.ca_bundle = self._authority.ca_bundle
        self._area = system_user.workspace(self._user, directory / "postgres")
        self._temporary = [self._area] if self._area != directory / "postgres" else []
        scratch = system_user.scratch(self._user) if in_memory else None
        if scratch is not None:
            self._temporary.append(scratch)
        self._volumes_directory = self._subdirectory(scratch or self._area, "volumes")
        self._images_directory = self._subdirectory(scratch or self._area, "images")
        self._sockets = system_user.private_directory(self._user, "rds-")
        self._installations: dict[int, Installation] = {}
        self._volumes: dict[str, _Volume] = {}
        self._numbers = itertools.count(1)
        self._reaper = self._start_reaper()
        self._policy: ConnectionPolicy = Open()
        self._sources = Sources(self._server_processes)
        self._front = Front(self._find)
        self._names = NameService(self._front)
        self._cron = CronScheduler(self._writers)
        self._heartbeat = Heartbeat([self._cron.look_now])

    def create(
        self, storage: str, *, label: str, owner: Login, database: str | None, major: int
    ) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        volume = self._new_volume(storage, label, self._template(major))
        (volume.data / "pg_hba.conf").write_text(template.access(major, owner.username))
        user = identifier(owner.username)
        verifier = literal(scram.verifier(owner.password))
        with self._running(volume) as server, server.session() as session:
            for statement in template.master_statements(major, user, verifier):
                session.run(statement)
            if database is not None and database != "postgres":
                session.run(f"CREATE DATABASE {identifier(database)} OWNER {user}")

    def clone(self, storage: str, image: str, *, label: str, major: int) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        source = self._images_directory / image
        held = _major(source)
        if major != held:
            raise UnsupportedVersionError(
                f"The embedded AWS does not upgrade data from PostgreSQL {held} to {major}: name "
                f"an EngineVersion of the snapshot's major version."
            )
        self._new_volume(storage, label, source)

    def publish(self, storage: str, names: ClusterNames | None) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        volume = self._volume(storage)
        if volume.named is not None:
            volume.named.writer.shut()
            volume.named.reader.shut()
        volume.named = self._names.register(names) if names else None
        if volume.server is not None:
            self._open_doors(volume)

    def certify(self, storage: str) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self._volume(storage).certified = None

    def endpoint(self, storage: str, wished: Endpoint) -> Endpoint:
        """The local port; it differs from the one that was asked for."""
        named = self._names.find(wished.host)
        return named.writer.endpoint if named else self._volume(storage).own.endpoint

    def reader_endpoint(self, storage: str, wished: Endpoint) -> Endpoint:
        """The same port of another loopback address, where this machine has one."""
        named = self._names.find(wished.host)
        return named.reader.endpoint if named else self._volume(storage).own.endpoint

    def instance_endpoint(self, storage: str, instance: str, wished: Endpoint) -> Endpoint:  # noqa: ARG002
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        volume = self._volume(storage)
        reader = volume.readers.get(instance)
        return reader.door.endpoint if reader else volume.own.endpoint

    def open(self, storage: str, *, logical_replication: bool = False) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        volume = self._volume(storage)
        if volume.server is None:
            # With slots in its data a server does not start otherwise.
            slots = any((volume.data / "pg_replslot").iterdir())
            volume.logical_replication = logical_replication or slots
            volume.server = self._start(volume)
        self._open_doors(volume)

    def set_readers(self, storage: str, instances: Sequence[str]) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        volume = self._volume(storage)
        for instance in [each for each in volume.readers if each not in instances]:
            self._stop_reader(volume, volume.readers.pop(instance))
        if volume.server is None:
            return
        for instance in instances:
            if instance not in volume.readers:
                volume.readers[instance] = self._start_reader(volume, volume.server, instance)

    def close(self, storage: str) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        volume = self._volume(storage)
        self.set_readers(storage, ())
        for door in volume.doors:
            door.shut()
        if volume.server is not None:
            self._stop(volume, volume.server)
            volume.server = None

    def set_password(self, storage: str, login: Login) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        server = self._volume(storage).server
        if server is None:
            raise DataPlaneError(f"{storage} has no running server")
        verifier = literal(scram.verifier(login.password))
        server.run(f"ALTER ROLE {identifier(login.username)} PASSWORD {verifier}")

    def capture(self, storage: str) -> str:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        volume = self._volume(storage)
        image = f"image-{next(self._numbers)}"
        target = self._images_directory / image
        if volume.server is None:
            _copy(volume.data, target)
        else:
            self._copy_running(volume.server, volume.data, target)
        return image

    def release(self, image: str) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        shutil.rmtree(self._images_directory / image, ignore_errors=True)

    def discard(self, storage: str) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self.close(storage)
        volume = self._volumes.pop(storage)
        volume.own.close()
        shutil.rmtree(volume.data, ignore_errors=True)

    def obey(self, policy: ConnectionPolicy) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self._policy = policy

    def servers(self) -> list[Server]:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        return [
            Server(
                storage=volume.storage,
                label=volume.label,
                endpoint=volume.own.endpoint,
                accepting=volume.server is not None,
                log=volume.log,
            )
            for volume in self._volumes.values()
        ]

    def stop(self) -> None:
        """See :class:`~embedded_aws.rds.data_plane.DataPlane`."""
        self._heartbeat.stop()
        for volume in self._volumes.values():
            for reader in volume.readers.values():
                reader.door.close()
                reader.server.stop(immediately=True)
            volume.own.close()
            if volume.server is not None:
                volume.server.stop(immediately=True)
        self._names.close()
        self._volumes.clear()
        self._front.stop()
        if self._reaper.stdin is not None:
            self._reaper.stdin.close()
        self._reaper.wait(_REAPER_SECONDS)

    def _volume(self, storage: str) -> _Volume:
        try:
            return self._volumes[storage]
        except KeyError:
            raise DataPlaneError(f"no volume {storage}") from None

    def _new_volume(self, storage: str, label: str, source: Path) -> _Volume:
        data = self._volumes_directory / storage
        _copy(source, data)
        volume = _Volume(
            storage=storage,
            label=label,
            data=data,
            log=self.logs / f"{label}.log",
            own=Door(self._front, reserve()),
        )
        self._volumes[storage] = volume
        return volume

    def _start(self, volume: _Volume, *, served: bool = True) -> PostgresServer:
        return PostgresServer(
            installation=self.installation(_major(volume.data)),
            user=self._user,
            data=volume.data,
            sockets=self._sockets,
            log=volume.log,
            certificate=self._certificate(volume, volume.storage) if served else None,
            settings={"wal_level": "logical"} if volume.logical_replication else None,
            begun=volume.processes.add,
        )

    def _start_reader(self, volume: _Volume, writer: PostgresServer, instance: str) -> _Reader:
        """Start a standby that follows the writer."""
        name = f"{volume.storage}.{instance}"
        data = self._volumes_directory / name
        self._copy_running(writer, volume.data, data)
        for slot in (data / "pg_replslot").iterdir():
            shutil.rmtree(slot)
        signal_file = data / "standby.signal"
        signal_file.touch(mode=0o600)
        self._user.own(signal_file)
        settings = {
            "primary_conninfo": f"host={self._sockets} port={writer.port} user={template.SUPERUSER}"
        }
        if volume.logical_replication:
            settings["wal_level"] = "logical"
        server = PostgresServer(
            installation=self.installation(_major(data)),
            user=self._user,
            data=data,
            sockets=self._sockets,
            log=volume.log.with_name(f"{volume.label}.{instance}.log"),
            certificate=self._certificate(volume, name),
            settings=settings,
            begun=volume.processes.add,
        )
        door = Door(self._front, reserve())
        door.open(lambda: server.port, partial(self._admit, volume))
        return _Reader(data, server, door)

    def _stop(self, volume: _Volume, server: PostgresServer, *, immediately: bool = False) -> None:
        server.stop(immediately=immediately)
        volume.processes.discard(server.pid)

    def _stop_reader(self, volume: _Volume, reader: _Reader) -> None:
        reader.door.close()
        self._stop(volume, reader.server, immediately=True)
        shutil.rmtree(reader.data, ignore_errors=True)

    def _open_doors(self, volume: _Volume) -> None:
        admit = partial(self._admit, volume)
        volume.own.open(volume.writer_port, admit)
        if volume.named is not None:
            volume.named.writer.open(volume.writer_port, admit)
            volume.named.reader.open(volume.reader_port, admit)

    def _admit(self, volume: _Volume, source: ConnectionSource) -> bool:
        """Let a connection in where the policy allows it; it may be one that streams changes."""
        if not self._policy.admits(source, volume.storage):
            return False
        if volume.logical_replication and volume.server is not None:
            self._lend_replication(volume.server)
        return True

    def _copy_running(self, server: PostgresServer, source: Path, target: Path) -> None:
        """Copy the data of a server that runs, so that one can start on the copy."""
        with server.session() as session:
            session.run("SELECT pg_backup_start('snapshot', fast => true)")
            _copy(source, target)
            [(label,)] = session.run("SELECT labelfile FROM pg_backup_stop(false)")
        backup_label = target / "backup_label"
        backup_label.write_text(label)
        self._user.own(backup_label)
        for leftover in ("postmaster.pid", "postmaster.opts"):
            (target / leftover).unlink(missing_ok=True)
        self._complete_wal(source, target)

    def _writers(self) -> dict[Path, PostgresServer]:
        return {
            volume.data: volume.server
            for volume in list(self._volumes.values())
            if volume.server is not None
        }

    def _lend_replication(self, server: PostgresServer) -> None:
        """Let those stream changes who are members of ``rds_replication`` now, and nobody else."""
        with contextlib.suppress(DataPlaneError, pg8000.native.Error, OSError):
            server.run(template.LEND_REPLICATION)

    def _certificate(self, volume: _Volume, name: str) -> Path:
        """Return a new certificate; it names the cluster as it was called at the first one."""
        if volume.certified is None:
            volume.certified = volume.named.addresses if volume.named else ()
        path = self._sockets / f"{name}.pem"
        self._authority.issue(path, self._user, volume.certified)
        return path

    @contextlib.contextmanager
    def _running(self, volume: _Volume) -> Iterator[PostgresServer]:
        """Yield the volume's server, for as long as something is set up in it."""
        server = self._start(volume, served=False)
        try:
            yield server
        finally:
            self._stop(volume, server)

    def _find(self, client: tuple[str, int], own: tuple[str, int]) -> ConnectionSource:
        return self._sources.find(client, own)

    def _server_processes(self) -> dict[int, str]:
        return {
            process: volume.storage
            for volume in list(self._volumes.values())
            for process in list(volume.processes)
        }

    def installation(self, major: int) -> Installation:
        """Return PostgreSQL of a major version, ready to run, or say how to get it."""
        if major not in self._installations:
            self._installations[major] = Build.installed(major).prepared()
        return self._installations[major]

    def _complete_wal(self, source: Path, target: Path) -> None:
        """Adds what was logged while the files were copied."""
        for segment in (source / "pg_wal").iterdir():
            if segment.is_file():
                copied = target / "pg_wal" / segment.name
                shutil.copyfile(segment, copied)
                copied.chmod(0o600)
                self._user.own(copied)

    def _template(self, major: int) -> Path:
        """Return an empty volume of the version, which is made once per machine."""
        installation = self.installation(major)
        owners = sorted({self._user.name, system_user.user_name(os.getuid())})
        name = f"template-{major}-{template.fingerprint(installation, owners)}"

        def prepare(directory: Path) -> None:
            directory.mkdir(mode=0o700)
            self._user.own(directory)
            template.initialise(installation, self._user, directory, owners)
            server = PostgresServer(
                installation=installation,
                user=self._user,
                data=directory,
                sockets=self._sockets,
                log=self.logs / f"template-{major}.log",
            )
            try:
                for database, statements in template.setup_statements(major):
                    with server.session(database) as session:
                        for statement in statements:
                            session.run(statement)
            finally:
                server.stop()

        return prepare_once(cache_directory(), name, prepare)

    def _subdirectory(self, parent: Path, name: str) -> Path:
        directory = parent / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        self._user.own(directory)
        return directory

    def _start_reaper(self) -> "subprocess.Popen[bytes]":
        doomed = [self._volumes_directory, self._images_directory, self._sockets]
        doomed += self._temporary
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", reaper.__file__, *map(str, doomed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )


def _copy(source: Path, target: Path) -> None:
    """Copies a data directory with owners and modes, sharing blocks where the disk can."""
    sharing = ["--reflink=auto"] if sys.platform == "linux" else []
    done = subprocess.run(  # noqa: S603
        ["/bin/cp", "-a", *sharing, str(source), str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    vanished = "No such file or directory"
    if done.returncode and not all(vanished in line for line in done.stderr.strip().splitlines()):
        raise DataPlaneError(f"copying {source} failed: {done.stderr.strip()}")


def _major(data: Path) -> int:
    return int((data / "PG_VERSION").read_text())
