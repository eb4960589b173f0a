"""Links lead somewhere, and files that are mentioned are there."""

import re

import pytest

from aurora_restore.reference.repository import REPOSITORY
from tests.unit.docs.pages import Page, all_pages, page

PAGES = pytest.mark.parametrize("page", all_pages(), ids=lambda each: each.name)
PATH = re.compile(r"(?:aurora_restore|config|docs|tests)/[\w./-]+|[\w-]+\.(?:md|py|json|toml|txt)")
# Files that the reader writes, or a command.
NOT_YET = {"answer.json", "config/sql/mask.sql", "config/staging.json"}


@PAGES
def test_relative_links_and_anchors_resolve(page: Page) -> None:
    for link in page.links:
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.path.parent / file).resolve() if file else page.path
        assert target.exists(), link
        if anchor:
            assert anchor in Page(target).anchors, link


@PAGES
def test_links_elsewhere_are_encrypted(page: Page) -> None:
    assert [link for link in page.links if link.startswith("http://")] == []


@PAGES
def test_files_that_are_named_exist(page: Page) -> None:
    named = {code for code in page.code if PATH.fullmatch(code)} - NOT_YET
    places = (
        REPOSITORY,
        REPOSITORY / "config",
        page.path.parent,
        *(REPOSITORY / "aurora_restore").iterdir(),
    )
    missing = [name for name in named if not any((place / name).exists() for place in places)]
    assert missing == []


def test_the_readme_leads_to_every_document() -> None:
    linked = {link.partition("#")[0] for link in page("README.md").links}
    documents = {each.name for each in all_pages() if each.path.parent == REPOSITORY / "docs"}

    assert {*documents, "docs/decisions/README.md", "CHANGELOG.md", "LICENSE"} <= linked


@pytest.mark.parametrize(
    "page", [each for each in all_pages() if each.name.startswith("docs/")], ids=lambda p: p.name
)
def test_a_table_of_contents_is_complete_and_in_order(page: Page) -> None:
    sections = re.findall(r"^## (.+)$", page.prose, re.MULTILINE)
    listed = re.findall(r"^- \[([^\]]+)\]\(#", page.prose, re.MULTILINE)

    assert not listed or listed == sections
