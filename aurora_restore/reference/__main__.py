"""``python -m aurora_restore.reference`` rewrites the generated blocks of README.md and docs/."""

from collections.abc import Iterator
from pathlib import Path

from aurora_restore.reference.blocks import rewrite
from aurora_restore.reference.contents import CONTENTS
from aurora_restore.reference.repository import REPOSITORY


def pages(repository: Path = REPOSITORY) -> Iterator[Path]:
    """Yield every Markdown file that a reader is meant to find."""
    yield from sorted(repository.glob("*.md"))
    yield from sorted((repository / "docs").rglob("*.md"))


def main() -> None:
    """Rewrite every page whose blocks have changed."""
    contents = {name: write() for name, write in CONTENTS.items()}
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = rewrite(before, contents)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"rewrote {page.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
