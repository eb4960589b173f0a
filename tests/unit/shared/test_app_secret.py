"""What is written into an application's secret, given what it holds."""

from collections.abc import Mapping
from typing import Any

import pytest

from aurora_restore.shared.app_secret import (
    ApplicationEndpoint,
    FillIn,
    LeaveAlone,
    SecretFacts,
    decide,
    described,
)
from aurora_restore.shared.documents.restore_secrets import EndpointRule
from aurora_restore.shared.errors import ConfigurationError

HOST = "my-cluster.cluster-abc.us-west-2.rds.amazonaws.com"
READER = "my-cluster.cluster-ro-abc.us-west-2.rds.amazonaws.com"
EARLIER = "earlier.cluster-abc.us-west-2.rds.amazonaws.com"
ENDPOINT = ApplicationEndpoint(host=HOST, port=5433, reader_host=READER, dbname="shop")
ROLES = {
    "app_username": "shop_app",
    "app_password": "canary-app-1",
    "readonly_username": "reports",
    "readonly_password": "canary-readonly-2",
}
FILLED = {
    "engine": "postgres",
    "host": HOST,
    "reader_host": READER,
    "port": 5433,
    "dbname": "shop",
    "username": "shop_app",
    "password": "canary-app-1",
}


def facts(
    more: Mapping[str, Any] | None = None, rule: EndpointRule = EndpointRule.UNLESS_FOREIGN
) -> SecretFacts:
    return SecretFacts(
        value={**ROLES, **(more or {})},
        name="shop/app",
        restore="staging",
        rule=rule,
        known_hosts=frozenset({HOST, EARLIER}),
    )


@pytest.mark.parametrize(
    ("more", "changes"),
    [
        ({}, FILLED),
        ({"host": "", "note": "theirs"}, FILLED),
        (FILLED, {}),
        # As a string it is the same port, and a rotation may have written it so.
        ({**FILLED, "port": "5433"}, {}),
        ({**FILLED, "port": 5432}, {"port": 5433}),
        ({**FILLED, "host": EARLIER}, {"host": HOST}),
        ({**FILLED, "host": HOST.upper()}, {"host": HOST}),
        ({**FILLED, "password": "before-the-rotation"}, {"password": "canary-app-1"}),
        ({**FILLED, "username": "renamed-since"}, {"username": "shop_app"}),
        ({"username": "shop_app", "password": "canary-app-1"}, None),
    ],
)
def test_only_what_differs_is_written(more: dict[str, Any], changes: dict[str, Any] | None) -> None:
    expected = FILLED if changes is None else changes
    if changes is None:
        expected = {key: FILLED[key] for key in FILLED if key not in ("username", "password")}

    assert decide(facts(more), ENDPOINT) == FillIn(expected)


def test_what_is_not_known_is_not_written() -> None:
    bare = ApplicationEndpoint(host=HOST, port=5433)

    decision = decide(facts({"dbname": "theirs", "reader_host": "theirs"}), bare)

    assert isinstance(decision, FillIn)
    assert set(decision.changes) == set(FILLED) - {"dbname", "reader_host"}


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"host": "db.internal.example"}, "host"),
        ({"host": READER}, "host"),
        ({"host": "db.internal.example", "username": "shop_app"}, "host"),
        ({"username": "an-api-client"}, "username"),
        ({"host": "", "username": "an-api-client"}, "username"),
    ],
)
def test_a_secret_that_describes_another_login_is_left_alone_and_the_option_is_named(
    more: dict[str, Any], key: str
) -> None:
    decision = decide(facts(more), ENDPOINT)

    assert isinstance(decision, LeaveAlone)
    assert f"its {key} is not of this target" in decision.reason
    assert "set restores.staging.secrets.app_secret_endpoint to true" in decision.reason
    assert str(more[key]) not in described("shop/app", decision)


@pytest.mark.parametrize("more", [{"host": "db.internal.example"}, {"username": "an-api-client"}])
def test_with_the_option_it_is_overwritten(more: dict[str, Any]) -> None:
    decision = decide(facts(more, EndpointRule.ALWAYS), ENDPOINT)

    assert decision == FillIn(FILLED)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (EndpointRule.NEVER, "restores.staging.secrets.app_secret_endpoint is false"),
        (EndpointRule.NOT_IN_COMMON, "several restores use it"),
    ],
)
@pytest.mark.parametrize("more", [{}, FILLED], ids=["empty", "filled"])
def test_a_secret_that_is_not_to_say_it_is_left_alone(
    rule: EndpointRule, reason: str, more: dict[str, Any]
) -> None:
    decision = decide(facts(more, rule), ENDPOINT)

    assert isinstance(decision, LeaveAlone)
    assert reason in decision.reason


def test_a_secret_without_the_application_s_roles_is_refused_without_a_value() -> None:
    with pytest.raises(ConfigurationError, match="secret shop/app: app_username") as raised:
        decide(facts({"app_username": None}), ENDPOINT)

    assert "canary" not in str(raised.value)


def test_no_value_is_in_what_is_printed_of_a_decision() -> None:
    assert "canary" not in repr(facts(FILLED))
    assert "canary" not in repr(decide(facts(), ENDPOINT))
