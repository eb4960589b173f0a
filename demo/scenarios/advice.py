"""What a notice advises, read from its text alone, as a person at night would."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_SECTION: Final = "WHAT TO DO"
_HEADING: Final = re.compile(r"^[A-Z][A-Z ]+$")
_COMMAND: Final = re.compile(r"^ {4}(?P<line>(?:aurora-restore|aws) .+)$")
_WAIT: Final = re.compile(r"\bWait until operation (?P<operation>\S+) is over\b")


class NoAdviceError(ValueError):
    """A notice does not say what to do."""


@dataclass(frozen=True)
class Advice:
    """What a notice says that is to be done."""

    sentences: str
    """What is to be known or done before, in one line."""
    commands: tuple[tuple[str, ...], ...] = ()
    """The commands that are shown, as a shell takes them apart; one of them is to be run."""

    @property
    def waits_for(self) -> str | None:
        """Return the operation whose end is to be waited for."""
        found = _WAIT.search(self.sentences)
        return found["operation"] if found else None

    def command_of(self, program: str) -> tuple[str, ...]:
        """Return the command that is shown for a program. Raises NoAdviceError without one."""
        found = next((words for words in self.commands if words[0] == program), None)
        if found is None:
            raise NoAdviceError(f"the notice shows no command of {program}")
        return found


def advice_of(notice: str) -> Advice:
    """Return what the text of a notice advises. Raises NoAdviceError if it advises nothing."""
    lines = list(_section(notice))
    if not lines:
        raise NoAdviceError(f"the notice has no section {_SECTION}")
    first = lines[: lines.index("")] if "" in lines else lines
    commands = (_COMMAND.match(line) for line in lines)
    return Advice(
        sentences=" ".join(" ".join(first).split()),
        commands=tuple(tuple(shlex.split(each["line"])) for each in commands if each),
    )


def _section(notice: str) -> Iterator[str]:
    """Yield the lines of the section, without its heading."""
    inside = False
    for line in notice.splitlines():
        if _HEADING.match(line):
            inside = line == _SECTION
        elif inside:
            yield line.rstrip()
