"""The table of facts and the tests that prove them say the same."""

import ast
from pathlib import Path

from embedded_aws.rds import facts

TESTS = Path(__file__).parents[3]
PROVING = [
    *(TESTS / "unit" / "embedded_aws" / "rds").glob("test_rds_facts_*.py"),
    *(TESTS / "integration" / "embedded_aws" / "rds").glob("test_rds_facts_*.py"),
]


def proven() -> list[str]:
    return [
        node.name.removeprefix("test_")
        for path in PROVING
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def test_every_enforced_fact_has_a_test_of_its_name_and_every_such_test_a_fact() -> None:
    enforced = [fact.id for fact in facts.FACTS if fact.enforced]

    assert len(enforced) == len(set(enforced))
    assert sorted(enforced) == sorted(proven())


def test_a_fact_that_is_not_enforced_has_no_test_and_says_what_happens_instead() -> None:
    unenforced = [fact for fact in facts.FACTS if not fact.enforced]

    assert not {fact.id for fact in unenforced} & set(proven())
    assert all(fact.where for fact in unenforced)


def test_every_fact_names_its_source_and_existing_modules() -> None:
    package = Path(facts.__file__).parent
    modules = {path.stem for path in package.iterdir()}

    for fact in facts.FACTS:
        assert fact.source
        if fact.enforced:
            assert set(fact.where.split(", ")) <= modules


def test_the_page_has_a_row_per_fact_in_readable_english() -> None:
    page = facts.markdown()

    assert sum(line.startswith("| ") for line in page.splitlines()) == len(facts.FACTS) + len(
        {fact.topic for fact in facts.FACTS}
    )
    assert (
        "| At most five copies are in progress per destination Region and account. "
        "| Aurora User Guide, Copying a DB cluster snapshot | copies, snapshot_progress, keys |"
    ) in page


def test_the_page_in_the_documentation_is_current() -> None:
    assert facts.PAGE.read_text(encoding="utf-8") == facts.markdown()
