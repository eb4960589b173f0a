"""Settings of a switch that contradict each other are refused when the stack is made."""

from typing import Any

import pytest

from aurora_restore.configuration.checks.switch import faults_of_switches, warnings_of_switches
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse
from tests.unit.infra.synthesis import example, restore

CNAME = {"hosted_zone_id": "Z0123456789", "name": "orders.db.example.com"}
SWITCHED = {"restores.staging.target.strategy": "switch"}


def environment(changes: dict[str, Any]) -> Environment:
    return parse(Environment, example(changes))


def faults(changes: dict[str, Any]) -> list[str]:
    found = faults_of_switches(environment(changes))
    return [f"{fault.path}: {fault.problem}" for fault in found]


def switch(**settings: Any) -> dict[str, Any]:
    return {**SWITCHED, "restores.staging.switch": settings}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"by": "endpoint"},
        {"by": "endpoint", "cname": CNAME},
        {"by": "rename", "cname": CNAME},
        {"tls_refresh": "restart"},
    ],
)
def test_what_fits_together_is_accepted(settings: dict[str, Any]) -> None:
    assert faults(switch(**settings)) == []


def test_without_a_rename_there_is_no_certificate_to_refresh() -> None:
    (fault,) = faults(switch(by="endpoint", tls_refresh="restart"))
    assert "restores.staging.switch.tls_refresh" in fault


@pytest.mark.parametrize(
    "settings", [{"by": "endpoint"}, {"cname": CNAME}, {"keep_old_hours": 3}, {"stop_old": True}]
)
def test_a_target_that_is_replaced_is_not_switched(settings: dict[str, Any]) -> None:
    (fault,) = faults({"restores.staging.switch": settings})
    assert 'target.strategy` "switch"' in fault


def test_the_readers_need_a_name_of_their_own() -> None:
    cname = {**CNAME, "reader_name": CNAME["name"]}
    (fault,) = faults(switch(by="endpoint", cname=cname))
    assert "reader_name" in fault


def second(**secrets: Any) -> dict[str, Any]:
    """Two switched restores with the same record."""
    other = restore(
        {
            "target.cluster_id": "billing-staging",
            "target.strategy": "switch",
            "switch": {"by": "endpoint", "cname": CNAME},
            "secrets": secrets,
        }
    )
    return {**switch(by="endpoint", cname=CNAME), "restores.billing": other}


def test_two_restores_cannot_have_one_name_or_one_secret() -> None:
    found = " | ".join(faults(second()))
    assert "is also a name of the restore" in found
    assert "which other restores use, too" in found


def test_a_secret_of_its_own_leads_the_clients_of_each() -> None:
    found = " | ".join(faults(second(app_username="billing_app")))
    assert "which other restores use" not in found


def test_a_record_is_warned_of_because_no_certificate_has_its_name() -> None:
    found = [each.problem for each in warnings_of_switches(environment(switch(cname=CNAME)))]
    assert any("sslmode=verify-full" in each for each in found)


def test_clients_that_can_read_the_parameter_only_are_warned_of() -> None:
    settings = {**switch(by="endpoint"), "restores.staging.secrets.app_secret_endpoint": False}
    (found,) = warnings_of_switches(environment(settings))
    assert "only the parameter says" in found.problem
