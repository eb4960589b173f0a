"""As much of Markdown as the generated blocks need."""

from collections.abc import Iterable, Sequence


def code(text: str) -> str:
    """Return text between backticks."""
    return f"`{text}`"


def row(*cells: str) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(titles: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table of rows that ``row`` has made."""
    return "\n".join([row(*titles), row(*("---" for _ in titles)), *rows])


def fenced(language: str, lines: Iterable[str]) -> str:
    """Return a block of lines in a language."""
    return "\n".join([f"```{language}", *lines, "```"])
