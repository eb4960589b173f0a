r"""Foreign text as it may be shown: what would change the screen, or what is read, becomes visible.

The names of roles, jobs and tables, the messages of errors, and what people give as a reason are
none of ours. A terminal obeys the control characters in them: it deletes what stands above, or
writes the clipboard.
"""

import re
from typing import Final

_HALVES_AND_TURNS: Final = r"\ud800-\udfff\u202a-\u202e\u2066-\u2069"
"""Halves of surrogate pairs, which no file takes, and what turns the direction of a text."""
_CONTROL: Final = re.compile(rf"[\x00-\x1f\x7f-\x9f{_HALVES_AND_TURNS}]")
_CONTROL_IN_LINES: Final = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_HALVES_AND_TURNS}]")


def visible(text: str) -> str:
    r"""Return a text with each control character in it written out, as in ``\x1b``.

    Tabs and ends of lines stay.
    """
    return _CONTROL_IN_LINES.sub(_escape, text)


def visible_line(text: str) -> str:
    r"""Return a text in one line: tabs and ends of lines are written out, too, as in ``\x0a``."""
    return _CONTROL.sub(_escape, text)


def visible_json(text: str) -> str:
    r"""Return a text in JSON that means the same and has no control character, as in ``\u009b``."""
    return _CONTROL_IN_LINES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
