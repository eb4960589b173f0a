"""``python -m demo.picture``: draw ``docs/demo.svg`` from a run of the demo."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from embedded_aws.environment import repository

PICTURE: Final = Path("docs") / "demo.svg"
WIDTH: Final = 110
"""The picture's width in characters."""
SECTIONS: Final = (
    "Timeline",
    "What the copy has done to production",
    "What the copy knows of production's customers",
    "When the copy could be reached",
)
"""What is shown of the demo's output: these sections, and its last line."""

# Rich's own format loads a font from the web, which a picture in a README may not do.
_FORMAT: Final = """\
<svg viewBox="0 0 {width} {height}" xml:space="preserve" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; white-space: pre;
}}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g>
</svg>
"""


class NoPictureError(Exception):
    """The demo did not end as it should, so there is nothing to draw."""


def sections_of(output: str, headings: Sequence[str]) -> Iterator[str]:
    """Yield the lines of these sections of a demo's output, and its last line.

    A section goes from its heading to the next empty line that is not the one below the heading.
    Raises NoPictureError if one is missing.
    """
    lines = [line.rstrip() for line in output.splitlines()]
    for heading in headings:
        if heading not in lines:
            raise NoPictureError(f"the demo has not shown the section {heading!r}")
        start = lines.index(heading)
        length = next(
            (number for number, line in enumerate(lines[start + 2 :], 2) if not line),
            len(lines) - start,
        )
        yield from lines[start : start + length]
        yield ""
    yield lines[-1]


def draw(lines: Sequence[str], headings: Sequence[str]) -> str:
    """Return lines of a terminal as an SVG, with these headings in bold."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), color_system="truecolor")
    for line in lines:
        style = "bold" if line in headings else ""
        text = Text(line, style, no_wrap=True)
        text.highlight_regex(r"^yes\b|^All of it held\.$|━+", "green")
        console.print(text, soft_wrap=True)
    return console.export_svg(title="make demo", code_format=_FORMAT, unique_id="demo")


def main() -> None:
    """Run the demo, and write its picture."""
    environment = {**os.environ, "COLUMNS": str(WIDTH), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=repository(),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NoPictureError(f"the demo ended with status {done.returncode}:\n{done.stdout}")
    lines = tuple(sections_of(done.stdout, SECTIONS))
    (repository() / PICTURE).write_text(draw(lines, SECTIONS) + "\n", encoding="utf-8")
    print(f"wrote {PICTURE}")


if __name__ == "__main__":
    main()
