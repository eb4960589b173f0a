"""The generated blocks are what the code says today."""

from pathlib import Path

import pytest

from aurora_restore.reference import __main__ as command
from aurora_restore.reference.blocks import BlockError, names, rewrite
from aurora_restore.reference.contents import CONTENTS
from tests.unit.docs.pages import Page, all_pages


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.name)
def test_every_block_is_current(page: Page) -> None:
    contents = {name: write() for name, write in CONTENTS.items()}

    assert rewrite(page.text, contents) == page.text, "run make docs"


def test_every_content_has_its_block() -> None:
    shown = {name for page in all_pages() for name in names(page.text)}

    assert shown == set(CONTENTS)


def test_a_block_is_replaced_and_all_else_stays() -> None:
    text = "before\n<!-- generated: a -->\nold\n<!-- end -->\nafter\n"

    once = rewrite(text, {"a": "new\n"})

    assert once == "before\n<!-- generated: a -->\n\nnew\n\n<!-- end -->\nafter\n"
    assert rewrite(once, {"a": "new"}) == once


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!-- generated: b -->\n<!-- end -->", "there is no block 'b'; known are a"),
        ("<!-- generated: a -->\n", "the marker <!-- generated: a --> has no counterpart"),
        ("<!-- end -->", "the marker <!-- end --> has no counterpart"),
        ("<!-- generated:a -->\n<!-- end -->", "has no counterpart"),
    ],
)
def test_a_wrong_marker_is_refused(text: str, said: str) -> None:
    with pytest.raises(BlockError) as caught:
        rewrite(text, {"a": ""})

    assert said in str(caught.value)


def test_the_command_writes_only_what_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("<!-- generated: steps -->\n<!-- end -->\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "plain.md").write_text("nothing generated\n")
    monkeypatch.setattr(command, "REPOSITORY", tmp_path)
    monkeypatch.setattr(command, "pages", lambda: sorted(tmp_path.rglob("*.md")))

    command.main()
    command.main()

    assert capsys.readouterr().out == "rewrote README.md\n"
    assert "| 1 | `snapshot-check` |" in (tmp_path / "README.md").read_text()
