"""``aurora-restore doctor`` on the deployed pipeline."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from aurora_restore.shared.names import topic_name
from aurora_restore.shared.pipeline import STEPS, get_step
from tests.integration.cli.conftest import CommandLine
from tests.integration.pipeline.stage import ACCOUNT, PREFIX, TARGET_REGION, PipelineStage
from tests.support.iam import listed

ACTION = "rds:DeleteDBCluster"
ROLE = get_step("delete-rds").role_name(PREFIX, TARGET_REGION)


def found_by(cli: CommandLine, *arguments: str) -> tuple[int, Mapping[str, Any]]:
    """The exit code and the findings by area."""
    shown = cli("doctor", *arguments, "--json")
    assert shown.err == ""
    return shown.code, json.loads(shown.out)


def texts(findings: list[Mapping[str, str]], level: str) -> str:
    """The texts of the findings of a level."""
    return "\n".join(each["text"] for each in findings if each["level"] == level)


@pytest.fixture
def subscribed(stage: PipelineStage, succeeded: str) -> Iterator[str]:
    """A subscription that nobody has confirmed, beside one that counts."""
    sns = stage.aws.client("sns", region=TARGET_REGION)
    topic = f"arn:aws:sns:{TARGET_REGION}:{ACCOUNT}:{topic_name(PREFIX)}"
    queue = f"arn:aws:sqs:{TARGET_REGION}:{ACCOUNT}:on-call"
    made = [
        sns.subscribe(
            TopicArn=topic, Protocol=protocol, Endpoint=endpoint, ReturnSubscriptionArn=True
        )["SubscriptionArn"]
        for protocol, endpoint in (("sqs", queue), ("email", "new@example.com"))
    ]
    yield topic
    for each in made:
        sns.unsubscribe(SubscriptionArn=each)


def test_a_sound_deployment_has_only_what_nobody_has_set_up(
    cli: CommandLine, succeeded: str
) -> None:
    _, found = found_by(cli)

    assert f"All {len(STEPS)} functions are there." in texts(found["Functions"], "ok")
    assert "run the code of this version" in texts(found["Functions"], "ok")
    assert texts(found["Permissions"], "ok") == (
        f"{len(STEPS)} of {len(STEPS)} roles may do what their steps declare."
    )
    for area in ("Functions", "Permissions", "Network", "Secrets", "Schedules", "Snapshots"):
        assert {each["level"] for each in found[area]} == {"ok"}, found[area]
    assert texts(found["Messages"], "problem").startswith("Nobody is subscribed to topic")
    assert "is empty" in texts(found["Messages"], "ok")


@pytest.mark.parametrize("width", [80, 120, None])
def test_findings_are_read_in_a_terminal_and_in_a_file(
    cli: CommandLine, failed: str, width: int | None
) -> None:
    shown = cli("doctor", width=width)

    assert (shown.code, shown.err) == (1, "")
    assert shown.widest <= (width or 160)
    written = " ".join(shown.out.split())
    assert "PROBLEM The last run of staging failed" in written
    assert f"aurora-restore explain {failed}" in written
    assert "Nobody is subscribed" in written


def test_a_role_without_a_permission_is_found(
    cli: CommandLine, stage: PipelineStage, succeeded: str
) -> None:
    iam = stage.aws.client("iam", region=TARGET_REGION)
    (policy,) = iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    document = iam.get_role_policy(RoleName=ROLE, PolicyName=policy)["PolicyDocument"]
    kept = [
        {**each, "Action": [name for name in listed(each["Action"]) if name != ACTION]}
        for each in document["Statement"]
    ]
    iam.put_role_policy(
        RoleName=ROLE, PolicyName=policy, PolicyDocument=json.dumps({**document, "Statement": kept})
    )
    try:
        code, found = found_by(cli)
    finally:
        iam.put_role_policy(RoleName=ROLE, PolicyName=policy, PolicyDocument=json.dumps(document))

    assert code == 1
    missing = texts(found["Permissions"], "problem")
    assert missing.startswith(f"Role {ROLE} may not {ACTION} on arn:aws:rds:")
    assert texts(found["Permissions"], "ok").startswith(f"{len(STEPS) - 1} of {len(STEPS)} roles")


def test_a_subscription_that_nobody_has_confirmed_is_named(
    cli: CommandLine, subscribed: str
) -> None:
    code, found = found_by(cli)

    assert code == 1
    assert "new@example.com (email) has not confirmed" in texts(found["Messages"], "problem")
    assert "goes to" in texts(found["Messages"], "ok")


def test_a_restore_that_is_not_there_is_refused(cli: CommandLine, succeeded: str) -> None:
    shown = cli("doctor", "other")

    assert (shown.code, shown.out) == (2, "")
    assert "there is none called" in shown.err
