"""The picture of the demo shows what the demo has printed."""

import re
from xml.etree import ElementTree

import pytest

from demo.picture import PICTURE, SECTIONS, NoPictureError, draw, sections_of
from embedded_aws.environment import repository

OUTPUT = """\
Preparation
Started

Timeline
 1 snapshot-check ━━━

What it holds
yes   Nothing was written

All of it held.
"""


def test_it_shows_the_chosen_sections_and_the_end() -> None:
    assert list(sections_of(OUTPUT, ["Timeline"])) == [
        "Timeline",
        " 1 snapshot-check ━━━",
        "",
        "All of it held.",
    ]


def test_it_shows_nothing_if_the_demo_has_left_a_section_out() -> None:
    with pytest.raises(NoPictureError, match="'When it was reached'"):
        list(sections_of(OUTPUT, ["When it was reached"]))


def test_it_is_a_picture_that_loads_nothing_from_elsewhere() -> None:
    drawn = draw(["Timeline", "yes   <b> & nothing"], ["Timeline"])

    text = "".join(ElementTree.fromstring(drawn).itertext())  # noqa: S314
    assert "<b>\xa0&\xa0nothing" in text
    assert re.findall(r"https?://[^\"]+", drawn) == ["http://www.w3.org/2000/svg"]


def test_the_picture_in_the_documentation_is_one_of_a_run_in_which_all_held() -> None:
    root = ElementTree.parse(repository() / PICTURE).getroot()  # noqa: S314
    text = "".join(root.itertext()).replace("\xa0", " ")

    assert "All of it held." in text
    for heading in SECTIONS:
        assert heading in text
