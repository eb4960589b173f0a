"""Disturbs setup-db-users at every call of AWS and PostgreSQL, and checks that it still ends well.

The run is made once for each disturbance, on a cluster that is reset. What was disturbed is
called again, as the state machine would, until it is done; then all must stand as it does after an
undisturbed run.

A re-run is left out where all stands as it stood before an earlier one that has come to the right
end, whatever the disturbance was: it would only repeat it.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from pg8000.exceptions import InterfaceError

from aurora_restore.shared.errors import AuroraRestoreError, DatabaseError
from tests.sweeps.sql_stage import Document, SqlStage
from tests.sweeps.tap import Proceed, Violation
from tests.sweeps.wires import Exchange, Killed, Wires

MOST_CALLS: Final = 20
"""More than any run here needs."""
WAIT_SECONDS: Final = 30.0

Disturbance = Callable[[Wires, Exchange, Proceed], Any]
"""What happens at one exchange."""


def killed_before(wires: Wires, exchange: Exchange, proceed: Proceed) -> Any:
    """It dies, and says no more."""
    wires.kill()


def killed_under_way(wires: Wires, exchange: Exchange, proceed: Proceed) -> Any:
    """It dies with the statement sent, and hears no answer."""
    wires.when_sent = wires.kill
    return proceed()


def unreachable(wires: Wires, exchange: Exchange, proceed: Proceed) -> Any:
    """There is nobody to log in to."""
    raise InterfaceError("Can't create a connection")


@dataclass
class Disturbed:
    """What has come of disturbances of one kind."""

    points: int = 0
    broken: list[str] = field(default_factory=list)


@dataclass
class SqlSweep:
    """One step, disturbed everywhere."""

    stage: SqlStage
    part: str | None = None
    """The only part of the setup that is disturbed; see ``Exchange.part``."""
    left_out: str | None = None
    """The part of the setup that is not disturbed."""
    expected: Document = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    """Every exchange of the undisturbed run, in order."""
    _proven: list[Document] = field(default_factory=list)
    _disturbed: Disturbed = field(default_factory=Disturbed)

    def begin(self) -> None:
        """Make the undisturbed run."""

        def note(_: Wires, exchange: Exchange, proceed: Proceed) -> Any:
            self.exchanges.append(exchange)
            return proceed()

        with self.stage.begun():
            self._finish(self.stage.call(note))
            self._check_harm()
            self.expected = self._end()

    def disturb(self, points: str) -> Disturbed:
        """Make a run for each disturbance of a kind; ``points`` is one of ``DISTURBANCES``."""
        self._disturbed = Disturbed()
        DISTURBANCES[points](self)
        return self._disturbed

    def kill_everywhere(self) -> None:
        """Before the first exchange, after the last one, and between each and the next.

        After a mere look all is as before it, so that one death stands for both.
        """
        for number in self._numbers():
            if number == 0 or not self.exchanges[number - 1].only_looks:
                with self._point(number, "killed before"):
                    self._call_disturbed(number, killed_before)
                    self._check_who_gets_in(number)
                    self._come_to_the_end()

    def kill_unheard(self) -> None:
        """While the server does what stays. The re-run does not wait until it is done with that."""
        for number in sorted(self._lasting() & set(self._numbers())):
            with self._point(number, "killed during"):
                self._call_disturbed(number, killed_under_way)
                self._finish()
                self._compare()

    def kill_during_scripts(self) -> None:
        """While the server is at work on a script, which takes longer than the way back here."""
        for number, exchange in enumerate(self.exchanges):
            if exchange.is_script:
                with self._point(number, "killed long before the end of"):
                    self._kill_during_script(number)
                    self._finish()
                    self._compare()

    def _kill_during_script(self, number: int) -> None:
        with ExitStack() as until_the_next_call:
            blocked = self.stage.cluster.blocked(self.exchanges[number].wire.database)
            at_work: list[list[int]] = []

            def die(wires: Wires, exchange: Exchange, proceed: Proceed) -> Any:
                wait_for_the_script = until_the_next_call.enter_context(blocked)

                def kill() -> None:
                    at_work.append(wait_for_the_script())
                    until_the_next_call.callback(lambda: at_work.append(wait_for_the_script()))
                    wires.kill()

                wires.when_sent = kill
                return proceed()

            self._call_disturbed(number, die)
            answer = self.stage.call()
            if answer["statusCode"] != HTTPStatus.ACCEPTED:
                raise Violation(f"it does not wait for the script: {answer}")
        if at_work[0] != at_work[1]:
            raise Violation("it does not let the script go on, but starts it again")

    def lose_connections(self) -> None:
        """Each line of the code loses its connection, the first time it speaks."""
        lines: set[tuple[str, str]] = set()
        lasting, numbers = self._lasting(), self._numbers()
        for number, exchange in enumerate(self.exchanges):
            line = (exchange.place, exchange.verb)
            if number not in numbers or not exchange.place or line in lines:
                continue
            lines.add(line)
            if exchange.is_log_in:
                self._lose(number, "unreachable at", unreachable)
            else:
                self._lose(number, "connection lost before", self._ended)
            if number in lasting:
                self._lose(number, "connection lost after", self._unanswered)

    def _lose(self, number: int, how: str, disturb: Disturbance) -> None:
        with self._point(number, how):
            try:
                answer = self._call_disturbed(number, disturb)
            except DatabaseError:
                answer = None
            if answer is not None and answer["statusCode"] != HTTPStatus.ACCEPTED:
                raise Violation(f"it takes no notice: {answer}")
            self._come_to_the_end()

    def _ended(self, _: Wires, exchange: Exchange, proceed: Proceed) -> Any:
        """The server has ended the session."""
        self.stage.cluster.end_session(exchange.pid)
        return proceed()

    def _unanswered(self, _: Wires, exchange: Exchange, proceed: Proceed) -> Any:
        """The server does it, and ends the session before it says so."""
        proceed()
        self.stage.cluster.end_session(exchange.pid)
        raise InterfaceError("network error")

    def _numbers(self) -> list[int]:
        """The exchanges to disturb, in order; one more than there are stands for the end."""
        numbers = range(len(self.exchanges) + 1)
        if self.part is not None:
            inside = [n for n, each in enumerate(self.exchanges) if each.part == self.part]
            after = [n for n, each in enumerate(self.exchanges) if n > inside[-1] and each.part]
            numbers = range(inside[0], after[0] + 1)
        left_out = {n for n, each in enumerate(self.exchanges) if each.part == self.left_out}
        return [number for number in numbers if number not in left_out]

    def _lasting(self) -> set[int]:
        """The statements that change something for good, by themselves or with all before them."""
        return set(self._find_lasting())

    def _find_lasting(self) -> Iterator[int]:
        in_transaction = False
        for number, exchange in enumerate(self.exchanges):
            if exchange.wire is None:
                continue
            if exchange.verb in ("BEGIN", "COMMIT", "ROLLBACK"):
                in_transaction = exchange.verb == "BEGIN"
            if exchange.verb == "COMMIT" or not (
                in_transaction or exchange.only_looks or exchange.verb in ("SET", "ROLLBACK")
            ):
                yield number

    def _call_disturbed(self, number: int, disturb: Disturbance) -> Document | None:
        """Call the function once, with one disturbance; its answer, if it lives to give one."""
        numbers = itertools.count()

        def hook(wires: Wires, exchange: Exchange, proceed: Proceed) -> Any:
            if next(numbers) == number:
                return disturb(wires, exchange, proceed)
            return proceed()

        try:
            return self.stage.call(hook)
        except Killed:
            return None

    def _check_who_gets_in(self, number: int) -> None:
        """Once the logins are disabled, nobody gets in but who is kept, until the roles are made.

        Before, it is the quarantine that keeps everybody out.
        """
        allowed = set(self.stage.logins())
        if all(each.part != "lock_out" for each in self.exchanges[number:]):
            allowed = {"monitoring"}
        if any(each.part == "set_up_roles" for each in self.exchanges[:number]):
            allowed |= {"the application", "the reader"}
        inside = {name for name, gets_in in self.stage.who_gets_in().items() if gets_in}
        if not inside <= allowed:
            raise Violation(f"{inside} get in, and only {allowed} may")

    def _come_to_the_end(self) -> None:
        self._check_harm()
        standing = self.stage.standing()
        if standing not in self._proven:
            self._finish()
            self._compare()
            self._proven.append(standing)

    def _finish(self, answer: Document | None = None) -> None:
        """Call the function until it is done."""
        for _ in range(MOST_CALLS):
            if answer is not None and answer["statusCode"] == HTTPStatus.OK:
                return
            self.stage.bench.advance(WAIT_SECONDS)
            answer = self.stage.call()
        raise Violation(f"it goes round in circles: {answer}")

    def _check_harm(self) -> None:
        if harm := self.stage.harm():
            raise Violation("; ".join(harm))

    def _compare(self) -> None:
        self._check_harm()
        found = self._end()
        for kind in self.expected | found:
            expected = self.expected.get(kind)
            if found.get(kind) != expected:
                raise Violation(f"{kind} is {found.get(kind)}, and undisturbed {expected}")

    def _end(self) -> Document:
        return {**self.stage.standing(), "who gets in": self.stage.who_gets_in()}

    @contextmanager
    def _point(self, number: int, how: str) -> Iterator[None]:
        self._disturbed.points += 1
        said = self.exchanges[number] if number < len(self.exchanges) else "the end"
        try:
            with self.stage.begun():
                yield
        except (Violation, AuroraRestoreError) as error:
            self._disturbed.broken.append(f"{how} {number}, {said}: {error}")


IN_A_SCRIPT = "crash points in the middle of a script"
DISTURBANCES: Mapping[str, Callable[[SqlSweep], None]] = {
    "crash points between statements": SqlSweep.kill_everywhere,
    "crash points between a change and its answer": SqlSweep.kill_unheard,
    IN_A_SCRIPT: SqlSweep.kill_during_scripts,
    "lost connections": SqlSweep.lose_connections,
}
"""Every way to disturb a step, by what its points are called."""
