"""The lines that the sweeps add to the end of a test session."""

LINES: list[str] = []


def tell(line: str) -> None:
    LINES.append(line)
