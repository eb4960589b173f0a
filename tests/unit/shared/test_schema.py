import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.configuration.json_schema import json_schema
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import parse, parse_configuration, to_json
from aurora_restore.shared.errors import ConfigurationError, ValidationError
from tests.unit.bench import RESTORE

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def faults_of(cls: type, document: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        parse(cls, document, source="the file")
    return caught.value.message


def test_what_is_parsed_is_written_back_the_same() -> None:
    restore = parse(Restore, RESTORE)
    assert parse(Restore, to_json(restore)) == restore


def test_every_fault_is_reported_together() -> None:
    message = faults_of(
        Event, {"operation_id": "no spaces", "vpc_id": 3, "security_group_ids": ["sg-1"]}
    )
    assert "operation_id: 'no spaces' is not valid" in message
    assert "vpc_id: must be a string, not an integer" in message
    assert "security_group_ids[0]: 'sg-1' is not valid" in message


def test_a_misspelt_field_is_refused_with_the_right_one() -> None:
    assert "dat: is not a known field; did you mean 'date'?" in faults_of(Event, {"dat": "x"})


def test_a_missing_field_is_reported_by_its_whole_path() -> None:
    document = json.loads(json.dumps(RESTORE))
    del document["target"]["cluster_id"]
    assert "the file: target.cluster_id: is missing" in faults_of(Restore, document)


def test_a_field_inside_a_list_is_reported_by_its_position() -> None:
    document = json.loads(json.dumps(RESTORE))
    document["target"]["instances"] = [{"instance_class": "r6g.large"}]
    assert "target.instances[0].instance_class" in faults_of(Restore, document)


def test_true_is_no_number_and_one_is_no_boolean() -> None:
    assert "delay_seconds: must be an integer" in faults_of(Event, {"delay_seconds": True})
    assert "skip_final_snapshot: must be a boolean" in faults_of(Event, {"skip_final_snapshot": 1})


def test_a_deployed_document_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="SSM parameter /x: source: is missing"):
        parse_configuration(Restore, {"target": RESTORE["target"]}, source="SSM parameter /x")


def test_the_json_schema_describes_the_same_fields() -> None:
    schema = json_schema(Restore, title="A restore")
    assert schema["required"] == ["source", "target"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["archive"]["properties"]["keep_copies"]["default"] == 7


@given(ANY_JSON)
def test_any_json_is_an_event_or_a_validation_error(document: Any) -> None:
    try:
        event = parse(Event, document)
    except ValidationError as error:
        assert error.message
    else:
        assert isinstance(event, Event)


@given(st.dictionaries(st.sampled_from(sorted(RESTORE)), ANY_JSON))
def test_any_json_is_a_restore_or_a_validation_error(document: Any) -> None:
    try:
        parse(Restore, document)
    except ValidationError as error:
        assert error.details["faults"]


@pytest.mark.parametrize("quarantine", [None, "off", {"security_group_ids": ["sg-12345678"]}])
def test_an_object_or_a_text_is_written_back_the_same(quarantine: Any) -> None:
    restore = parse(Restore, {**RESTORE, "target": {**RESTORE["target"], "quarantine": quarantine}})
    assert parse(Restore, to_json(restore)) == restore
    assert to_json(restore)["target"].get("quarantine") == quarantine


@pytest.mark.parametrize(
    ("quarantine", "said"),
    [
        ("on", "target.quarantine: must be an object, or 'off', not 'on'; or leave it out"),
        (["sg-12345678"], "target.quarantine: must be an object, or 'off', not a list"),
        (True, "target.quarantine: must be an object, or 'off', not a boolean"),
        ({}, "target.quarantine.security_group_ids: is missing"),
        ({"security_group_ids": []}, "security_group_ids: it needs at least 1 entry"),
        ({"security_group_ids": ["sg"]}, "security_group_ids[0]: 'sg' is not valid"),
        ({"groups": []}, "target.quarantine.groups: is not a known field"),
    ],
)
def test_what_is_neither_is_refused(quarantine: Any, said: str) -> None:
    assert said in faults_of(
        Restore, {**RESTORE, "target": {**RESTORE["target"], "quarantine": quarantine}}
    )
