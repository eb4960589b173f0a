"""Stands between a function and PostgreSQL: every log-in, statement and goodbye passes a hook.

Calls of AWS can be passed through the same hook, so that it sees all that a function does outside
of itself, in order.
"""

import os
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from aurora_restore.shared.postgres import connection, setup
from tests.sweeps.cluster import Connection
from tests.sweeps.tap import AwsCall, Proceed

_SPEAKER = Path(str(connection.__file__)).name
_SETUP = str(setup.__file__)
_LOG_IN = "log in"
_GOODBYE = "say goodbye"
_LOOKS = (":Query", ":GetParameter", ":GetSecretValue", _GOODBYE)
_ROUNDS_WITH_PARAMETERS = 3
"""pg8000 lets a statement with parameters be parsed, then be described, then be executed."""


@dataclass(frozen=True)
class Exchange:
    """Something that a function is about to send, and to receive a response to."""

    text: str
    wire: Any = None
    """The connection, where it is a statement."""
    place: str = ""
    """The line of the code that says it."""
    part: str = ""
    """The part of the setup that it belongs to: the method of the setup that is at work."""

    @property
    def is_log_in(self) -> bool:
        return self.text.startswith(_LOG_IN)

    @property
    def is_script(self) -> bool:
        """Whether it takes as long as the table that the sweep locks is locked."""
        return self.text.startswith(("DO ", "VACUUM ")) and "ledger" in self.text

    @property
    def only_looks(self) -> bool:
        """Whether all is afterwards as it was before."""
        if self.wire is None:
            return self.is_log_in or self.text.endswith(_LOOKS)
        return self.verb in ("SELECT", "SET") and "pg_terminate_backend" not in self.text

    @property
    def verb(self) -> str:
        return self.text.split(maxsplit=1)[0]

    @property
    def pid(self) -> int:
        """The server's process that it goes to."""
        (number,) = struct.unpack_from("!i", self.wire._backend_key_data)
        return int(number)

    def __str__(self) -> str:
        return " ".join(self.text.split())[:90]


Hook = Callable[["Wires", Exchange, Proceed], Any]


class Killed(BaseException):
    """The function is dead. Nothing that it still tries reaches anybody."""


def _stack() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def _place() -> str:
    """The line of the steps' code that is at work, the module that speaks for them all aside."""
    for frame in _stack():
        if module := _module_of_the_steps(frame.f_code.co_filename):
            return f"{module}:{frame.f_lineno}"
    raise AssertionError


@cache
def _module_of_the_steps(file: str) -> str | None:
    path = Path(file)
    is_theirs = {"lambdas", "shared"} & set(path.parts) and path.name != _SPEAKER
    return path.name if is_theirs else None


def _part() -> str:
    """The method of the setup that is at work; none is in a task's own thread."""
    names = [f.f_code.co_name for f in _stack() if f.f_code.co_filename == _SETUP]
    return names[-1] if names else ""


@dataclass
class Wires:
    """The connections of one function."""

    socket: Path
    """Where the server listens. Connections lead there by the shortest way, without TLS."""
    hook: Hook | None = None
    dead: bool = False
    when_sent: Callable[[], None] | None = None
    """What happens once, when the next statement is sent and its answer not yet read."""
    _open: list[Any] = field(default_factory=list)

    def kill(self) -> None:
        """Die: the system closes the sockets, and nobody says goodbye."""
        self.dead = True
        for wire in self._open:
            os.close(wire._usock.detach())
        self._open.clear()
        raise Killed

    def meet(self, exchange: Exchange, proceed: Proceed) -> Any:
        """Let an exchange pass the hook, unless the function is dead."""
        if self.dead:
            raise Killed
        return proceed() if self.hook is None else self.hook(self, exchange, proceed)

    def meet_aws(self, call: AwsCall, proceed: Proceed) -> Any:
        """The same for a call of AWS."""
        return self.meet(Exchange(f"{call.service}:{call.operation}"), proceed)

    def connect(self, host: str, port: int, ca_bundle: str) -> connection.DatabaseServer:
        """The server, whose sessions all pass the hook."""
        return connection.DatabaseServer(host, port, ca_bundle, open_connection=self._kind())

    def _kind(self) -> type[Any]:
        wires = self

        class WiredConnection(Connection):
            is_joined = False
            unread = 0
            """How many responses are still to come in this statement."""

            def __init__(self, user: str, **options: Any) -> None:
                self.database = options["database"]
                for way in ("host", "port", "ssl_context"):
                    options.pop(way)

                def join() -> None:
                    super(WiredConnection, self).__init__(wires.socket, user, **options)
                    self.is_joined = True
                    wires._open.append(self)

                said = f"{_LOG_IN} as {user} to {self.database}"
                wires.meet(Exchange(said, place=_place(), part=_part()), join)

            def run(self, sql: str, **parameters: Any) -> Any:
                def send() -> Any:
                    self.unread = _ROUNDS_WITH_PARAMETERS if parameters else 1
                    return super(WiredConnection, self).run(sql, **parameters)

                return wires.meet(Exchange(sql, self, _place(), _part()), send)

            def handle_messages(self, context: Any) -> None:
                self.unread -= 1
                if self.unread == 0 and wires.when_sent is not None:
                    then, wires.when_sent = wires.when_sent, None
                    then()
                super().handle_messages(context)

            def close(self) -> None:
                if not self.is_joined:
                    super().close()
                    return

                def leave() -> None:
                    wires._open.remove(self)
                    super(WiredConnection, self).close()

                wires.meet(Exchange(_GOODBYE), leave)

        return WiredConnection
