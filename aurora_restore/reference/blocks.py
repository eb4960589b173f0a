"""The blocks of a Markdown file that a program writes."""

import re
from collections.abc import Mapping
from typing import Final

_BLOCK: Final = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[a-z-]+) -->\n)(?P<content>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)
_MARKER: Final = re.compile(r"<!-- (?:generated\b.*?|end) -->")


class BlockError(ValueError):
    """A marker that begins no known block, or that has no counterpart."""


def names(text: str) -> list[str]:
    """Return the names of the blocks of a text, in order."""
    return [block["name"] for block in _BLOCK.finditer(text)]


def rewrite(text: str, contents: Mapping[str, str]) -> str:
    """Return ``text`` with the content of each block replaced by the one of its name.

    Raises BlockError.
    """
    stray = _MARKER.search(_BLOCK.sub("", text))
    if stray is not None:
        raise BlockError(f"the marker {stray[0]} has no counterpart")

    def replaced(block: re.Match[str]) -> str:
        if block["name"] not in contents:
            raise BlockError(
                f"there is no block {block['name']!r}; known are {', '.join(sorted(contents))}"
            )
        return f"{block['begin']}\n{contents[block['name']].strip()}\n\n{block['end']}"

    return _BLOCK.sub(replaced, text)
