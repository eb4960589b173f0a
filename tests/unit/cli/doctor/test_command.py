"""What cannot be looked at is said, and nothing of it is an accident."""

from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest
from botocore.stub import Stubber

from aurora_restore.cli.doctor import command
from aurora_restore.cli.doctor.asking import NotAllowedError, ask, ask_all, ask_or_none
from aurora_restore.cli.doctor.site import Site
from aurora_restore.cli.findings import Level, Observation, ok
from aurora_restore.shared.errors import AwsError, AwsUnavailableError


def stubbed(service: str) -> tuple[Any, Stubber]:
    """A client of a service whose responses are given."""
    client = boto3.client(
        service,  # type: ignore[call-overload]
        region_name="eu-central-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    return client, Stubber(client)


@pytest.mark.parametrize(
    ("service", "method", "code"),
    [
        ("sns", "list_topics", "AuthorizationError"),
        ("iam", "list_roles", "AccessDenied"),
        ("ec2", "describe_vpcs", "UnauthorizedOperation"),
        ("sqs", "list_queues", "AccessDeniedException"),
    ],
)
def test_a_refusal_names_the_permission(service: str, method: str, code: str) -> None:
    client, stub = stubbed(service)
    stub.add_client_error(method, code)

    with stub, pytest.raises(NotAllowedError) as refused:
        ask("some:Permission", getattr(client, method))

    assert refused.value.permission == "some:Permission"


def test_every_page_is_asked_for_and_may_be_refused() -> None:
    client, stub = stubbed("sns")
    stub.add_response("list_topics", {"Topics": [{"TopicArn": "a"}], "NextToken": "next"})
    stub.add_response("list_topics", {"Topics": [{"TopicArn": "b"}]})
    stub.add_client_error("list_topics", "AuthorizationError")

    with stub:
        found = list(ask_all("sns:ListTopics", client, "list_topics", "Topics"))
        with pytest.raises(NotAllowedError):
            list(ask_all("sns:ListTopics", client, "list_topics", "Topics"))

    assert [each["TopicArn"] for each in found] == ["a", "b"]


def test_what_is_not_there_is_none_and_another_error_is_raised() -> None:
    client, stub = stubbed("iam")
    stub.add_client_error("get_role", "NoSuchEntity")
    stub.add_client_error("get_role", "ValidationError")

    with stub:
        assert ask_or_none("iam:GetRole", "NoSuchEntity", client.get_role, RoleName="r") is None
        with pytest.raises(AwsError):
            ask_or_none("iam:GetRole", "NoSuchEntity", client.get_role, RoleName="r")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NotAllowedError("sns:ListTopics"), "sns:ListTopics is not allowed"),
        (AwsUnavailableError("AWS is on holiday"), "AWS is on holiday"),
    ],
)
def test_what_cannot_be_looked_at_is_unknown_and_the_rest_is_shown(
    monkeypatch: pytest.MonkeyPatch, error: Exception, text: str
) -> None:
    def broken(site: Site) -> Iterator[Observation]:
        yield ok("so far")
        raise error

    def whole(site: Site) -> Iterator[Observation]:
        yield ok("and more")

    monkeypatch.setattr(command, "EXAMINATIONS", {"Area": (broken, whole)})

    found = list(command.examine(cast("Site", None), "Area"))

    assert [each.level for each in found] == [Level.OK, Level.UNKNOWN, Level.OK]
    assert text in found[1].text
