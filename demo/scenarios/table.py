"""``python -m demo.scenarios.table`` writes the table of the scenarios into docs/demo.md."""

from typing import Final

from demo.scenarios.declaration import SCENARIOS, FailureScenario
from embedded_aws.environment import repository

PAGE: Final = "docs/demo.md"
BEGIN: Final = "<!-- scenarios: written by make docs -->\n"
END: Final = "<!-- end of the scenarios -->"
_TITLES: Final = (
    "`SCENARIO=`",
    "What happens",
    "What its notice advises",
    "What is done first",
    "At the end",
)


def table() -> str:
    """Return the table, a row for each scenario."""
    rows = [_TITLES, ("---",) * len(_TITLES), *map(_row, SCENARIOS)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _row(failure: FailureScenario) -> tuple[str, ...]:
    return (
        f"`{failure.name}`",
        f"{failure.what} {failure.cause}",
        failure.advice,
        failure.carried_out,
        failure.holds,
    )


def written(page: str) -> str:
    """Return the page with the table in its place. Raises ValueError if it has no place for it."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE} has no {BEGIN.strip()} with {END} after it")
    return f"{before}{begin}\n{table()}\n\n{end}{after}"


def main() -> None:
    """Rewrite the page if its table has changed."""
    page = repository() / PAGE
    before = page.read_text(encoding="utf-8")
    after = written(before)
    if after != before:
        page.write_text(after, encoding="utf-8")
        print(f"rewrote {PAGE}")


if __name__ == "__main__":
    main()
