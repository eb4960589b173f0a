import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_restore import shared
from aurora_restore.shared.errors import ValidationError
from tests.unit.shared.test_schema import ANY_JSON

VALIDATORS = [
    shared.validate_cluster_id,
    shared.validate_snapshot_id,
    shared.validate_region,
    shared.validate_db_credentials,
]


@pytest.mark.parametrize("cluster_id", ["a", "my-cluster", "a" * 63])
def test_a_cluster_id_that_rds_accepts(cluster_id: str) -> None:
    shared.validate_cluster_id(cluster_id)


@pytest.mark.parametrize(
    "cluster_id",
    ["", "1st", "-a", "a-", "a--b", "a_b", "a" * 64, "a b", "rds:a", "ä", "a\n", None, 1, []],
)
def test_a_cluster_id_that_rds_refuses(cluster_id: Any) -> None:
    with pytest.raises(ValidationError, match="cluster_id"):
        shared.validate_cluster_id(cluster_id)


@pytest.mark.parametrize(
    "snapshot_id",
    [
        "daily-backup-2026-05-15",
        "rds:production-2026-05-15-03-10",
        "arn:aws:rds:us-east-1:123456789012:cluster-snapshot:rds:production-2026-05-15-03-10",
    ],
)
def test_a_snapshot_by_name_automated_name_or_arn(snapshot_id: str) -> None:
    shared.validate_snapshot_id(snapshot_id)


@pytest.mark.parametrize("snapshot_id", ["", "x:y", "arn:aws:s3:::bucket", "rds:", "a--b"])
def test_what_is_no_snapshot_is_refused(snapshot_id: str) -> None:
    with pytest.raises(ValidationError, match="snapshot_id"):
        shared.validate_snapshot_id(snapshot_id)


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "us-gov-west-1", "ap-southeast-7"])
def test_a_region(region: str) -> None:
    shared.validate_region(region)


@pytest.mark.parametrize("region", ["", "us-east", "US-EAST-1", "us_east_1", "us-east-1a", None])
def test_what_is_no_region_is_refused(region: Any) -> None:
    with pytest.raises(ValidationError, match="region"):
        shared.validate_region(region)


def test_a_vpc_config() -> None:
    shared.validate_vpc_config("vpc-12345678", ["subnet-12345678"], ["sg-12345678"])


@pytest.mark.parametrize(
    ("vpc_id", "subnet_ids", "security_group_ids", "fault"),
    [
        ("vpc-1", ["subnet-12345678"], ["sg-12345678"], "vpc_id"),
        ("vpc-12345678", [], ["sg-12345678"], "subnet_ids"),
        ("vpc-12345678", "subnet-12345678", ["sg-12345678"], "subnet_ids"),
        ("vpc-12345678", ["subnet-12345678", "x"], ["sg-12345678"], r"subnet_ids\[1\]"),
        ("vpc-12345678", ["subnet-12345678"], None, "security_group_ids"),
    ],
)
def test_a_wrong_vpc_config_is_reported_by_field(
    vpc_id: Any, subnet_ids: Any, security_group_ids: Any, fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault):
        shared.validate_vpc_config(vpc_id, subnet_ids, security_group_ids)


def test_required_parameters_are_all_named_when_missing() -> None:
    shared.validate_required_params({"a": 0, "b": False})
    with pytest.raises(ValidationError, match=r"^b: .*; c: "):
        shared.validate_required_params({"a": "x", "b": None, "c": ""})


def test_credentials_may_carry_more_than_the_pipeline_needs() -> None:
    shared.validate_db_credentials(
        {"username": "u", "password": "p" * 8, "database": "d", "engine": "postgres", "port": 1}
    )


@pytest.mark.parametrize("password", ["short", "with space", 'with"quote', "with/slash", "with@at"])
def test_a_bad_password_is_refused_without_being_told(password: str) -> None:
    with pytest.raises(ValidationError) as caught:
        shared.validate_db_credentials({"username": "u", "password": password, "database": "d"})
    assert "password" in caught.value.message
    assert password not in f"{caught.value} {caught.value.details}"


@pytest.mark.parametrize("validator", VALIDATORS, ids=lambda function: function.__name__)
@given(value=ANY_JSON)
def test_any_json_is_accepted_or_a_validation_error(validator: Any, value: Any) -> None:
    try:
        validator(value)
    except ValidationError as error:
        assert error.message


@given(st.from_regex(re.compile(r"[a-z](-?[a-z0-9]){0,30}", re.ASCII), fullmatch=True))
def test_every_identifier_that_follows_the_rule_is_accepted(cluster_id: str) -> None:
    shared.validate_cluster_id(cluster_id)
