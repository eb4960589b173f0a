"""A notice: what it says to people, and the JSON that machines read."""

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from aurora_restore.shared.common import parse_timestamp
from aurora_restore.shared.visible import visible, visible_json, visible_line

LONGEST_SUBJECT: Final = 100
"""SNS takes fewer than 100 characters of ASCII without line breaks (API_Publish, Subject)."""

MOST_ITEMS: Final = 50
"""How many items of a list the text has; the JSON has them all."""

LONGEST_ITEM: Final = 1000
_SHORTEST_NAMES: Final = 20
_WIDTH: Final = 78
_INDENT: Final = "  "


@dataclass(frozen=True)
class Notice:
    """What is published about an operation."""

    subject: str
    text: str
    """What a person reads in an e-mail, or in a terminal."""
    document: Mapping[str, Any]
    """The documented JSON."""
    gist: str = ""
    """What has happened and what the target is now, in a few sentences."""
    next_steps: tuple[str, ...] = ()
    """What to do, each a sentence or a command."""

    @property
    def json(self) -> str:
        """Return the documented JSON as text."""
        return visible_json(json.dumps(self.document, indent=2, default=str))


def subject_of(where: str, what: str) -> str:
    """Return a subject as SNS takes it. What has happened stays whole: the names are cut."""
    happened = _in_ascii(f": {what}")[: LONGEST_SUBJECT - 1 - _SHORTEST_NAMES]
    room = LONGEST_SUBJECT - 1 - len(happened)
    names = _in_ascii(where)
    return (names if len(names) <= room else f"{names[: room - 3]}...") + happened


def _in_ascii(text: str) -> str:
    return " ".join(visible(text).encode("ascii", "replace").decode("ascii").split())


def in_one_line(text: str) -> str:
    """Return a text without line breaks, cut where it is longer than a person would read."""
    line = " ".join(visible(text).split())
    return line if len(line) <= LONGEST_ITEM else line[: LONGEST_ITEM - 1] + "…"


def paragraph(text: str) -> str:
    """Return sentences in lines that every mail program shows unbroken."""
    return _wrapped(in_one_line(text), _INDENT, _INDENT)


def bullets(items: Iterable[str]) -> str:
    """Return a list with an item a paragraph; what is beyond ``MOST_ITEMS`` is only counted."""
    listed = list(items)
    shown = [_wrapped(in_one_line(item), "  - ", "    ") for item in listed[:MOST_ITEMS]]
    more = len(listed) - len(shown)
    return "\n".join([*shown, f"  - and {more} more, which the JSON names"] if more else shown)


def verbatim(line: str) -> str:
    """Return what is to be copied, in one line whatever its length."""
    return f"{_INDENT}  {visible_line(line)}"


def sections(headline: str, parts: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return a headline and the sections with anything in them, each a heading with blocks."""
    written = [_wrapped(in_one_line(headline), "", "")]
    for heading, blocks in parts:
        if filled := [block for block in blocks if block]:
            written.append("\n\n".join([f"{heading.upper()}\n{filled[0]}", *filled[1:]]))
    return "\n\n".join(written)


def moment(recorded: str) -> str:
    """Return a recorded moment as a person reads it, as in ``2026-05-16 03:00:00 UTC``."""
    return f"{parse_timestamp(recorded).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """Return a duration as people say it: 48 s, 12 min 05 s, 3 h 12 min, 2 d 4 h."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, of_hour = divmod(minutes, 60)
    if minutes == 0:
        return f"{rest} s"
    if hours == 0:
        return f"{minutes} min {rest:02} s"
    if hours < 48:
        return f"{hours} h {of_hour:02} min"
    return f"{hours // 24} d {hours % 24} h"


def sentence(text: str) -> str:
    """Return a text as a sentence, with a full stop at its end unless it ends as one."""
    ended = text.rstrip()
    return ended if ended.endswith((".", "!", "?")) else f"{ended}."


def begun(text: str) -> str:
    """Return a text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def _wrapped(text: str, first: str, others: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
