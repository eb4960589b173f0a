"""A source that cannot be reached as configured is refused, with the field and a remedy."""

import pytest

from aurora_restore.configuration.checks.environment import faults_of_environment
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.errors import ConfigurationError
from tests.unit.infra.synthesis import ABSENT, FOLDER, Document, cross_account

SOURCE = "restores.staging.source"
ROLE = "arn:aws:iam::111111111111:role/orders-restore-source-access"
OWN_KEY = "arn:aws:kms:eu-central-1:222222222222:alias/on-the-way"
OWN: Document = {f"{SOURCE}.account_id": ABSENT, f"{SOURCE}.kms_key_id": ABSENT}
BY_HAND: Document = {f"{SOURCE}.role_arn": ABSENT, f"{SOURCE}.kms_key_id": ABSENT}
SAME_REGION: Document = {f"{SOURCE}.region": "eu-west-1", f"{SOURCE}.kms_key_id": ABSENT}
TWO_STEPS: Document = {f"{SOURCE}.copy_route": "two-steps"}


def faults(changes: Document) -> list[str]:
    """What is wrong with the example after some changes."""
    checked = parse_configuration(Environment, cross_account(changes), source="test")
    return [str(fault) for fault in faults_of_environment(checked, folder=FOLDER)]


@pytest.mark.parametrize(
    "right",
    [
        pytest.param({}, id="as it is"),
        pytest.param(BY_HAND, id="shared by hand"),
        pytest.param({**OWN, f"{SOURCE}.role_arn": ABSENT}, id="own account"),
        pytest.param({f"{SOURCE}.snapshot_name": "daily-{date}-a"}, id="by name"),
        pytest.param({f"{SOURCE}.snapshot_name": f"{'d' * 53}{{date}}"}, id="63 with the date"),
        pytest.param(TWO_STEPS, id="two steps"),
        pytest.param(
            {**TWO_STEPS, f"{SOURCE}.intermediate_kms_key_id": OWN_KEY}, id="two steps with a key"
        ),
        pytest.param({**SAME_REGION, f"{SOURCE}.copy_route": "none"}, id="none, by a role"),
        pytest.param(
            {**SAME_REGION, **BY_HAND, f"{SOURCE}.copy_route": "none"}, id="none, shared by hand"
        ),
        pytest.param(SAME_REGION, id="another account's, in the target's Region"),
        pytest.param({**BY_HAND, "name_prefix": "two--hyphens"}, id="no copy is named after it"),
        pytest.param(
            {f"{SOURCE}.role_arn": ROLE.replace("arn:aws:", "arn:aws-us-gov:")}, id="partition"
        ),
    ],
)
def test_what_is_right_is_taken(right: Document) -> None:
    assert faults(right) == []


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (
            {f"{SOURCE}.role_arn": ABSENT},
            f"{SOURCE}.kms_key_id: is used with a `role_arn` only: leave it out, or give a "
            "`role_arn` as well",
        ),
        (
            {f"{SOURCE}.kms_key_id": "arn:aws:kms:eu-central-1:111111111111:alias/aws/rds"},
            f"{SOURCE}.kms_key_id: 'arn:aws:kms:eu-central-1:111111111111:alias/aws/rds' is a key "
            "of AWS, which cannot be shared with another account: give a customer key",
        ),
        (
            OWN,
            f"{SOURCE}.role_arn: is for a source in another account: leave it out, or give",
        ),
        (
            {**OWN, f"{SOURCE}.account_id": "222222222222"},
            f"{SOURCE}.role_arn: is for a source in another account: leave it out, or give",
        ),
        (
            {f"{SOURCE}.role_arn": ROLE.replace("111111111111", "333333333333")},
            f"{SOURCE}.role_arn: 'arn:aws:iam::333333333333:role/orders-restore-source-access' is "
            f"not the role that the source stack makes: it must be '{ROLE}'",
        ),
        (
            {f"{SOURCE}.role_arn": f"{ROLE}-2"},
            f"{SOURCE}.role_arn: '{ROLE}-2' is not the role that the source stack makes",
        ),
        (
            {f"{SOURCE}.role_arn": ROLE.replace("role/", "role/teams/")},
            "role/teams/orders-restore-source-access' is not the role that the source stack makes",
        ),
        (
            {f"{SOURCE}.copy_route": "none"},
            f'{SOURCE}.copy_route: "none" is for a source in another account and in the target\'s '
            "Region, eu-west-1: leave it out",
        ),
        (
            {**OWN, **SAME_REGION, f"{SOURCE}.role_arn": ABSENT, f"{SOURCE}.copy_route": "none"},
            f'{SOURCE}.copy_route: "none" is for a source in another account',
        ),
        (
            {**SAME_REGION, **TWO_STEPS},
            f'{SOURCE}.copy_route: "two-steps" is for a source in another account and in another',
        ),
        (
            {**OWN, **TWO_STEPS, f"{SOURCE}.role_arn": ABSENT},
            f'{SOURCE}.copy_route: "two-steps" is for a source in another account and in another',
        ),
        (
            {f"{SOURCE}.intermediate_kms_key_id": OWN_KEY},
            f'{SOURCE}.intermediate_kms_key_id: is used by `copy_route` "two-steps" only: leave',
        ),
        (
            {
                **TWO_STEPS,
                f"{SOURCE}.intermediate_kms_key_id": OWN_KEY.replace("eu-central-1", "eu-west-1"),
            },
            f"{SOURCE}.intermediate_kms_key_id: the key is in eu-west-1: it must be in the "
            "source's Region, eu-central-1",
        ),
        (
            {
                **TWO_STEPS,
                f"{SOURCE}.intermediate_kms_key_id": OWN_KEY.replace("2" * 12, "1" * 12),
            },
            f"{SOURCE}.intermediate_kms_key_id: the key is of account 111111111111: it must be of "
            "the environment's account, 222222222222",
        ),
        (
            {f"{SOURCE}.kms_key_id": "arn:aws:kms:eu-west-1:111111111111:key/1"},
            f"{SOURCE}.kms_key_id: the key is in eu-west-1: it must be in the source's Region",
        ),
        (
            {f"{SOURCE}.kms_key_id": "arn:aws:kms:eu-central-1:222222222222:key/1"},
            f"{SOURCE}.kms_key_id: the key is of account 222222222222: it must be of the source's "
            "account, 111111111111",
        ),
        (
            {"name_prefix": "two--hyphens", **BY_HAND, **TWO_STEPS},
            "name_prefix: 'two--hyphens' has two hyphens in a row: RDS takes no snapshot",
        ),
    ],
)
def test_a_fault_is_named(wrong: Document, fault: str) -> None:
    (said,) = faults(wrong)

    assert fault in said


@pytest.mark.parametrize(
    "name",
    [
        "daily",
        "{date}",
        "{date}-daily",
        "1-{date}",
        "-daily-{date}",
        "daily--{date}",
        "daily-{date}-",
        "daily-{date}--a",
        "{date}-{date}",
        f"{'d' * 54}{{date}}",
        "rds:orders-production-{date}",
        "rds:orders-production-{date}-03-04",
        "awsbackup:job-{date}",
    ],
)
def test_the_name_of_a_snapshot_is_one_that_a_manual_snapshot_can_have(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        faults({f"{SOURCE}.snapshot_name": name})

    assert f"{SOURCE}.snapshot_name: {name!r} is not valid" in caught.value.message
    assert "leave it out for automated snapshots" in caught.value.message
