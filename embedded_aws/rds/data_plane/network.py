"""The TLS front of the local PostgreSQL servers.

The PostgreSQL binaries at hand are built without TLS, and Aurora clients insist on it. So each
cluster's port on 127.0.0.1 is served here: PostgreSQL's ``SSLRequest`` is answered, TLS is
terminated, and the plain protocol goes on to the server's Unix socket, which only this process can
reach. A connection without TLS is refused as ``rds.force_ssl`` has it, and so is ``rdsadmin``.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from embedded_aws.rds.data_plane.tls import ADDRESS

Result = TypeVar("Result")

_SSL_REQUEST = 80877103
_GSS_REQUEST = 80877104
_CANCEL_REQUEST = 80877102
_MAX_STARTUP_BYTES = 10_000
_CHUNK = 65_536
_PATIENCE_SECONDS = 10.0
_NOT_AUTHORIZED = "28000"
RESERVED_USER = "rdsadmin"


def reserve(port: int = 0) -> socket.socket:
    """Binds a port of 127.0.0.1 without listening: nobody else gets it, nobody can connect."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((ADDRESS, port))
    return held


@dataclass
class _RefusedError(Exception):
    """The client is told no, in the way PostgreSQL says it."""

    message: str

    def encoded(self) -> bytes:
        fields = b"".join(
            code + text.encode() + b"\0"
            for code, text in (
                (b"S", "FATAL"),
                (b"V", "FATAL"),
                (b"C", _NOT_AUTHORIZED),
                (b"M", self.message),
            )
        )
        return b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0"


class Front:
    """Serves any number of ports from one thread."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="rds-tls-front", daemon=True)
        self._thread.start()

    def open(self, held: socket.socket, target: Path) -> asyncio.Server:
        """Listens on a reserved port and passes what comes on to the Unix socket ``target``."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._connections.add(task)
                task.add_done_callback(self._connections.discard)
            with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError, EOFError):
                await self._serve(reader, writer, target)
            await _closed(writer)

        return self._do(asyncio.start_server(connected, sock=held))

    def shut(self, server: asyncio.Server) -> None:
        """Stops listening on a port."""

        async def stop() -> None:
            server.close()

        self._do(stop())

    def stop(self) -> None:
        """Ends every connection and the thread."""

        async def cancel() -> None:
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

        self._do(cancel())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_SECONDS)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Path
    ) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                startup = await self._greet(reader, writer)
        except _RefusedError as refusal:
            writer.write(refusal.encoded())
            await writer.drain()
            return
        server_reader, server_writer = await asyncio.open_unix_connection(str(target))
        server_writer.write(startup)
        try:
            await asyncio.gather(_pump(reader, server_writer), _pump(server_reader, writer))
        finally:
            await _closed(server_writer)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Negotiates TLS and returns the client's startup message, checked."""
        encrypted = False
        while True:
            message = await _startup_packet(reader)
            code = struct.unpack_from("!i", message, 4)[0]
            if code == _SSL_REQUEST and not encrypted:
                writer.write(b"S")
                await writer.start_tls(self._context)
                encrypted = True
            elif code == _GSS_REQUEST and not encrypted:
                writer.write(b"N")
                await writer.drain()
            elif code == _CANCEL_REQUEST:
                return message
            else:
                _check(_parameters(message[8:]), encrypted=encrypted)
                return message


def _check(parameters: dict[str, str], *, encrypted: bool) -> None:
    user = parameters.get("user", "")
    database = parameters.get("database", user)
    who = f'for host "{ADDRESS}", user "{user}", database "{database}"'
    if not encrypted:
        raise _RefusedError(f"no pg_hba.conf entry {who}, no encryption")
    if user == RESERVED_USER:
        raise _RefusedError(f"pg_hba.conf rejects connection {who}, SSL encryption")


async def _startup_packet(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    (length,) = struct.unpack("!i", head)
    if not 8 <= length <= _MAX_STARTUP_BYTES:
        raise ConnectionError("not a PostgreSQL startup packet")
    return head + await reader.readexactly(length - 4)


def _parameters(body: bytes) -> dict[str, str]:
    texts = [part.decode(errors="replace") for part in body.split(b"\0")]
    return dict(zip(texts[::2], texts[1::2], strict=False))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Passes bytes on until the source ends, then ends the sink."""
    try:
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        sink.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
        await writer.wait_closed()
