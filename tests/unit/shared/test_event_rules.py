"""What an event may say: Regions, days, names, and how much of a wrong value is shown."""

import re
from typing import Any

import pytest
from botocore.loaders import create_loader
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.shared.aws_utils import safe_session_name
from aurora_restore.shared.documents.contradictions import faults_of_event
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.fields import OperationId
from aurora_restore.shared.documents.regions import KNOWN_REGIONS
from aurora_restore.shared.documents.schema import check, fields, parse
from aurora_restore.shared.errors import ValidationError
from tests.unit.lambdas.arrange import SOURCE_ARN

LONG = "x" * 201


def refusal(event: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        parse(Event, event)
    return caught.value.message


def contradictions(event: dict[str, Any], *extra_regions: str) -> list[str]:
    return [str(fault) for fault in faults_of_event(parse(Event, event), extra_regions)]


# Regions


def test_the_known_regions_are_those_of_the_pinned_botocore() -> None:
    partitions = create_loader().load_data("endpoints")["partitions"]

    assert {region for each in partitions for region in each["regions"]} == KNOWN_REGIONS


@pytest.mark.parametrize("region", sorted(KNOWN_REGIONS))
def test_every_known_region_is_a_right_one(region: str) -> None:
    assert contradictions({"source_region": region}) == []


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"source_region": "us-eats-1"}, "source_region"),
        ({"target_region": "us-eats-1"}, "target_region"),
        ({"snapshot_arn": SOURCE_ARN.replace("us-east-1", "us-eats-1")}, "snapshot_arn"),
        ({"snapshot_id": SOURCE_ARN.replace("us-east-1", "us-eats-1")}, "snapshot_id"),
    ],
)
def test_a_region_that_nobody_knows_is_refused_by_name(event: dict[str, Any], field: str) -> None:
    (fault,) = contradictions(event)

    assert fault.startswith(f"{field}: 'us-eats-1' is not a Region that this version knows")
    assert contradictions(event, "us-eats-1") == []


# Days


@pytest.mark.parametrize("day", ["2026-02-29", "2026-04-31", "0000-01-01"])
def test_a_day_that_is_not_in_the_calendar_is_refused_in_every_event(day: str) -> None:
    assert refusal({"date": day}) == f"date: '{day}' is no day of the calendar"


def test_a_leap_day_is_one() -> None:
    assert parse(Event, {"date": "2028-02-29"}).date == "2028-02-29"


@pytest.mark.parametrize("field", ["snapshot_id", "snapshot_name", "snapshot_arn"])
def test_a_day_beside_a_snapshot_is_a_contradiction(field: str) -> None:
    assert contradictions({"date": "2026-05-15", field: SOURCE_ARN}) == [
        f"date: contradicts {field}, which names one snapshot: leave out one of the two"
    ]


# What is shown of a wrong value


@pytest.mark.parametrize("field", [field.name for field in fields(Event)])
@pytest.mark.parametrize("value", [LONG, "ä" * 5000, [LONG], {LONG: LONG}, 10**300, True], ids=str)
def test_no_value_of_more_than_200_characters_is_shown_in_full(field: str, value: Any) -> None:
    try:
        parse(Event, {field: value})
    except ValidationError as error:
        assert len(error.message) < 700
        assert LONG not in error.message


def test_how_long_a_value_is_that_is_not_shown() -> None:
    assert refusal({"snapshot_id": "!" * 1000}).startswith(
        f"snapshot_id: {'!' * 100!r}… (1000 characters) is not valid"
    )


def test_a_field_of_more_than_200_characters_is_not_shown_in_full() -> None:
    assert LONG not in refusal({LONG: 1})


def test_of_many_faults_the_first_are_listed() -> None:
    message = refusal({f"field-{number}": 1 for number in range(25)})

    assert message.count("is not a known field") == 20
    assert message.endswith("and 5 more")


@pytest.mark.parametrize("value", [None, [None]])
def test_nothing_is_called_by_its_name_in_python(value: Any) -> None:
    for field in fields(Event):
        try:
            parse(Event, {field.name: value})
        except ValidationError as error:
            assert "NoneType" not in error.message
    with pytest.raises(ValidationError, match="must be an object, not null"):
        parse(Event, None)


# An operation's id


def shape(service: str, name: str) -> Any:
    return get_session().get_service_model(service).shape_for(name)


SESSION_NAME = shape("sts", "roleSessionNameType").metadata


@given(st.text(max_size=200))
def test_a_session_gets_a_name_that_sts_takes(text: str) -> None:
    name = safe_session_name(text)

    assert SESSION_NAME["min"] <= len(name) <= SESSION_NAME["max"]
    assert re.fullmatch(SESSION_NAME["pattern"], name, re.ASCII)


def test_an_operations_id_has_only_what_rds_takes_as_the_value_of_a_tag() -> None:
    documented = shape("rds", "Tag").members["Value"].documentation
    assert r"^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$" in documented
    taken = {chr(code) for code in range(128) if chr(code).isalnum()} | set(" _.:/=+-@")

    for character in map(chr, range(0x250)):
        try:
            check("operation_id", character, OperationId)
        except ValidationError:
            continue
        assert character in taken
