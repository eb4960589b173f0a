"""Long lists of names, as the state and messages hold them."""

from aurora_restore.shared.documents.schema import parse, to_json
from aurora_restore.shared.name_list import MOST_NAMES, NameList


def test_a_long_list_is_its_count_and_the_first_names() -> None:
    listed = NameList.of(f"role-{number:04}" for number in reversed(range(3000)))

    assert listed.count == 3000
    assert listed.names == tuple(f"role-{number:04}" for number in range(MOST_NAMES))
    assert str(listed).endswith("role-0049, and 2950 more")


def test_a_short_list_is_shown_as_a_whole() -> None:
    assert str(NameList.of(["b", "a", "b"])) == "a, b"
    assert not NameList.of([])


def test_a_list_is_the_same_after_it_was_stored() -> None:
    listed = NameList.of(["b", "a"])

    assert parse(NameList, to_json(listed)) == listed
