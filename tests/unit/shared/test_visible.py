"""What a terminal or a reader would be misled by is written out, and nothing is lost."""

import json

from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.shared.visible import visible, visible_json, visible_line

EVIL = "x\x1b[2J\x1b]52;c;cm0=\x07\x9b31m\x7f\u202ey\ud800"
SHOWN = r"x\x1b[2J\x1b]52;c;cm0=\x07\x9b31m\x7f\u202ey\ud800"


def test_control_characters_are_written_out() -> None:
    assert visible(EVIL) == SHOWN
    assert visible_line(EVIL) == SHOWN


def test_a_text_of_several_lines_keeps_them_and_a_line_stays_one() -> None:
    assert visible("a\n\tb\rc") == "a\n\tb\\x0dc"
    assert visible_line("a\n\tb\rc") == r"a\x0a\x09b\x0dc"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf"])))
def test_every_other_letter_stays_as_it_is(text: str) -> None:
    assert visible(text) == visible_line(text) == text


@given(st.text())
def test_json_means_the_same(text: str) -> None:
    shown = visible_json(json.dumps({"name": text}, ensure_ascii=False, indent=2))

    assert json.loads(shown) == {"name": text}
    assert shown == visible(shown)


def test_what_is_written_out_is_not_written_out_twice() -> None:
    assert visible(SHOWN) == visible_line(SHOWN) == SHOWN
