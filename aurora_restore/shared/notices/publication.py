"""What SNS is given of a notice: a message by protocol, within its limit of size."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from aurora_restore.shared.notices.notice import Notice

MOST_BYTES: Final = 256 * 1024
"""How large a message of SNS is at most, with all protocols in it (API_Publish, Message)."""

_TITLE: Final = "THE SAME FOR MACHINES"
_LONGEST_TEXT: Final = 15_000
"""How many letters of the text are left where it is cut; each may take 12 bytes."""

_CUTS: Final = ((200, 4000), (50, 1000), (10, 300), (3, 100))
"""How many items of a list and letters of a text are left, in the order of trying."""


def by_protocol(notice: Notice) -> dict[str, str]:
    """Return a notice as SNS publishes it with ``MessageStructure`` ``json``.

    An e-mail is the text, with the JSON below it; every other protocol gets the JSON. What is too
    long for SNS loses the JSON in the e-mail first, and then the ends of long lists.
    """
    return next(each for each in _shorter_and_shorter(notice) if _fits(each))


def _shorter_and_shorter(notice: Notice) -> Iterator[dict[str, str]]:
    yield {"default": notice.json, "email": f"{notice.text}\n\n{_TITLE}\n{notice.json}\n"}
    yield {"default": notice.json, "email": f"{notice.text}\n"}
    text = notice.text[:_LONGEST_TEXT]
    for items, letters in _CUTS:
        short = _cut(notice.document, items, letters)
        yield {"default": json.dumps(short, indent=2, default=str), "email": f"{text}\n"}
    cut = {**_cut(notice.document, *_CUTS[-1]), "details": {}}
    yield {"default": json.dumps(cut, indent=2, default=str), "email": f"{text}\n"}


def _fits(message: Mapping[str, str]) -> bool:
    return len(json.dumps(message).encode()) <= MOST_BYTES


def _cut(value: Any, items: int, letters: int) -> Any:
    """Return a value of JSON whose lists and texts are cut to these lengths."""
    if isinstance(value, str):
        return value if len(value) <= letters else value[: letters - 1] + "…"
    if isinstance(value, Mapping):
        kept = list(value.items())[: max(items, 50)]
        return {name: _cut(each, items, letters) for name, each in kept}
    if isinstance(value, list | tuple):
        return [_cut(each, items, letters) for each in value[:items]]
    return value
