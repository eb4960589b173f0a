"""What the demo has written, compared with what the documentation quotes of it."""

import re

from embedded_aws.environment import repository
from tests.integration.demo.conftest import DemoProgram


def quoted(name: str) -> list[str]:
    """The parts of the demo's output that its page quotes by this name, each in one line."""
    text = (repository() / "docs" / "demo.md").read_text(encoding="utf-8")
    quoted = text.split(f"<!-- {name} -->\n```text\n")[1].partition("```")[0]
    return [" ".join(part.split()) for part in quoted.split("\n\n")]


def without_numbers(text: str) -> str:
    """The text with a sign for each time, position, id and number, which differ from run to run."""
    named = re.sub(r"-ar-[0-9a-f]{8}|sg-[0-9a-f]{17}", "#", text)
    return re.sub(r"\d[\dA-Z.,:/-]*", "#", named)


def assert_nothing_is_left(demo: DemoProgram) -> None:
    """Assert that the demo has ended everything that it started, and has warned of nothing."""
    assert demo.left_behind() == []
    assert demo.had_processes() >= 3
    assert demo.errors == ""
