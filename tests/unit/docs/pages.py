"""Markdown pages, taken apart as far as the tests need it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from textwrap import dedent
from typing import Final

from aurora_restore.reference.__main__ import pages
from aurora_restore.reference.repository import REPOSITORY

_FENCE: Final = re.compile(
    r"(?:^ *<!-- example: (?P<example>[a-z-]+) -->\n)?"
    r"^(?P<indent> *)```(?P<language>[a-z]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_HEADING: Final = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"`([^`]+)`")
_TABLE_ROW: Final = re.compile(r"^ *\|(.+)\|$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and what it is said to be an example of."""

    language: str
    example: str | None
    text: str


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(REPOSITORY))

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        return [
            Block(found["language"], found["example"], dedent(found["text"]))
            for found in _FENCE.finditer(self.text)
        ]

    @cached_property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @cached_property
    def headings(self) -> list[str]:
        return [heading[2] for heading in _HEADING.finditer(self.prose)]

    @cached_property
    def anchors(self) -> set[str]:
        """The anchors of the headings, as GitHub makes them."""
        seen: Counter[str] = Counter()
        anchors = set()
        for heading in self.headings:
            text = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            anchors.add(f"{text}-{seen[text]}" if seen[text] else text)
            seen[text] += 1
        return anchors

    @cached_property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    @cached_property
    def code(self) -> list[str]:
        """What stands between backticks, on one line."""
        return [" ".join(found.split()) for found in _CODE.findall(self.prose)]

    def section(self, title: str) -> str:
        """The prose under a heading, up to the next one of its level or above."""
        for heading in _HEADING.finditer(self.prose):
            if heading[2] == title:
                rest = self.prose[heading.end() :]
                following = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
                return rest[: following.start()] if following else rest
        raise AssertionError(f"{self.name} has no section {title!r}")

    def rows(self, title: str) -> list[list[str]]:
        """The cells of the tables in a section, without their titles."""
        rows = [
            [cell.strip() for cell in row[1].replace("\\|", "\0").split("|")]
            for row in _TABLE_ROW.finditer(self.section(title))
        ]
        rulers = [number for number, row in enumerate(rows) if set("".join(row)) <= set("-")]
        titles = {number - 1 for number in rulers} | set(rulers)
        return [row for number, row in enumerate(rows) if number not in titles]


def code_in(text: str) -> list[str]:
    """What stands between backticks in a cell or a paragraph."""
    return _CODE.findall(text)


@cache
def all_pages() -> list[Page]:
    return [Page(path) for path in pages()]


def page(name: str) -> Page:
    (found,) = (each for each in all_pages() if each.name == name)
    return found


def blocks(language: str) -> Iterator[tuple[Page, Block]]:
    """Every block in a language, with its page."""
    for each in all_pages():
        yield from ((each, block) for block in each.blocks if block.language == language)
