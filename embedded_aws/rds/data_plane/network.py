"""The network in front of the PostgreSQL servers.

A cluster is reached at a port of the loopback address that stays its own, whether or not its
server runs; the server itself listens on another one, which is announced nowhere. What comes in at
the first is passed on to the second as it is: TLS is between the client and PostgreSQL. What this
network decides is who may connect, by the process at the other end (see ``sources``).
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from embedded_aws.rds.data_plane.sources import ConnectionSource
from embedded_aws.rds.data_plane.tls import ADDRESS

Result = TypeVar("Result")
Find = Callable[[tuple[str, int], tuple[str, int]], ConnectionSource]
"""The source of a connection, by its client's and its own address."""
Admit = Callable[[ConnectionSource], bool]
"""Lets a connection in, and returns true; or returns false. It is called in a thread of its own."""
Target = Callable[[], int | None]
"""The port of the server that takes the next connection, if one runs."""

_CHUNK = 65_536
_PATIENCE_SECONDS = 10.0
_RESET = struct.pack("ii", 1, 0)
"""``SO_LINGER`` by which closing a connection resets it."""


def reserve(port: int = 0, address: str = ADDRESS) -> socket.socket:
    """Bind a loopback port without listening: nobody else gets it, nobody can connect."""
    # Only where the protocol is named asyncio turns Nagle's algorithm off, which else holds the
    # second packet of an answer back for 40 ms.
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((address, port))
    except OSError:
        held.close()
        raise
    return held


class Front:
    """Serves any number of ports from one thread."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="rds-network", daemon=True)
        self._thread.start()

    def open(self, held: socket.socket, target: Target, admit: Admit) -> asyncio.Server:
        """Listen on a reserved port and pass what is admitted on to the server's ``target``."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._connections.add(task)
                task.add_done_callback(self._connections.discard)
            try:
                port = target()
                if port is not None and await self._admitted(writer, admit):
                    await _serve(reader, writer, port)
                else:
                    _reset(writer)
            except (ConnectionError, TimeoutError):
                pass
            await _closed(writer)

        return self._do(asyncio.start_server(connected, sock=held))

    def shut(self, server: asyncio.Server) -> None:
        """Stop listening on a port."""

        async def stop() -> None:
            server.close()

        self._do(stop())

    def stop(self) -> None:
        """End every connection and the thread."""

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

    async def _admitted(self, writer: asyncio.StreamWriter, admit: Admit) -> bool:
        client, own = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        if client is None:
            return False
        return await self._loop.run_in_executor(None, lambda: admit(self._find(client, own)))


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    server_reader, server_writer = await asyncio.open_connection(ADDRESS, port)
    try:
        await asyncio.gather(_pump(reader, server_writer), _pump(server_reader, writer))
    finally:
        await _closed(server_writer)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass bytes on until the source ends, then end the sink."""
    try:
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Refuse a connection: the client sees it reset."""
    own = writer.get_extra_info("socket")
    if own is not None:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError, TimeoutError):
        await writer.wait_closed()
