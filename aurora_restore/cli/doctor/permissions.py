"""Whether the functions' roles may do what their steps declare, as IAM simulates it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from botocore.config import Config

from aurora_restore.cli.doctor.asking import ask_all, ask_or_none
from aurora_restore.cli.doctor.site import Site
from aurora_restore.cli.findings import Observation, listed, ok, problem
from aurora_restore.permissions.arns import Arns
from aurora_restore.permissions.conditions import Conditions
from aurora_restore.permissions.scopes import AllowedAction, permissions_of
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.pipeline import STEPS, Step

_SIMULTANEOUS: Final = 4
_PATIENT: Final = Config(retries={"mode": "adaptive", "total_max_attempts": 10})
"""IAM simulates a few calls in a second only."""
_ALLOWED: Final = "allowed"
_EXPLICIT: Final = "explicitDeny"
_MOST_NAMED: Final = 5
_LISTS: Final = ("ForAllValues:", "ForAnyValue:")


@dataclass(frozen=True)
class DeployedRestores:
    """The restores of a deployment, and where it is."""

    account: str
    region: str
    name_prefix: str
    restores: Mapping[str, Restore]
    target_prefix: None = None
    """What is deployed does not say it; the targets' names are among what it stands for."""
    event_bus_arn: None = None
    """No step publishes to it."""


@dataclass(frozen=True, kw_only=True)
class Denial:
    """A call that a step declares and its role may not make."""

    action: str
    arn: str
    is_explicit: bool
    """Whether a statement denies it, instead of none allowing it."""
    is_of_organization: bool = False
    """Whether a policy of the organization does."""
    is_of_boundary: bool = False
    """Whether the role's permissions boundary does."""


def examine_permissions(site: Site) -> Iterator[Observation]:
    """Yield what IAM says of each role."""
    deployment = site.deployment
    place = DeployedRestores(
        deployment.account_id, deployment.region, deployment.name_prefix, site.restores
    )
    arns = Arns(environment=place, partition=site.machine_arn.split(":")[1])
    client = deployment.session.client("iam", config=_PATIENT)
    denials = {
        step.role_name(place.name_prefix, place.region): _denials(client, step, arns)
        for step in STEPS
    }
    yield from decide_permissions(denials)


def _denials(client: Any, step: Step, arns: Arns) -> list[Denial] | None:
    """Return the calls that a step's role may not make; None if there is no such role."""
    (role,) = arns.function_roles([step])
    if (
        ask_or_none(
            "iam:GetRole", "NoSuchEntity", client.get_role, RoleName=role.rpartition("/")[2]
        )
        is None
    ):
        return None
    groups = list(simulations(permissions_of(step, arns), arns.environment.account))
    with ThreadPoolExecutor(_SIMULTANEOUS) as pool:
        found = pool.map(lambda group: list(_simulate(client, role, *group)), groups)
        return [denial for each in found for denial in each]


def simulations(
    permissions: Iterable[AllowedAction], account: str
) -> Iterator[tuple[list[str], list[str], Conditions]]:
    """Yield actions, ARNs and conditions that can be simulated together.

    Left out is what belongs to another account, which also decides about it.
    """
    groups: dict[str, tuple[list[str], list[str], Conditions]] = {}
    for each in permissions:
        own = [arn for arn in each.arns if _account_of(arn) in ("", account)]
        if own:
            key = repr((own, each.conditions))
            groups.setdefault(key, ([], own, each.conditions))[0].append(each.action)
    yield from groups.values()


def _account_of(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""


def context_of(conditions: Conditions) -> list[dict[str, Any]]:
    """Return the values of a call that fulfils conditions, as IAM's simulation takes them."""
    return [
        {
            "ContextKeyName": key,
            "ContextKeyValues": [_fulfilling(operator, value)],
            "ContextKeyType": _type_of(operator),
        }
        for operator, keys in conditions.items()
        for key, value in keys.items()
    ]


def _fulfilling(operator: str, value: object) -> str:
    if operator == "Null":
        return "present"
    first = value[0] if isinstance(value, Sequence) and not isinstance(value, str) else value
    return str(first)


def _type_of(operator: str) -> str:
    if operator == "Bool":
        return "boolean"
    return "stringList" if operator.startswith(_LISTS) else "string"


def _simulate(
    client: Any, role: str, actions: list[str], arns: list[str], conditions: Conditions
) -> Iterator[Denial]:
    results = ask_all(
        "iam:SimulatePrincipalPolicy",
        client,
        "simulate_principal_policy",
        "EvaluationResults",
        PolicySourceArn=role,
        ActionNames=actions,
        ResourceArns=arns,
        ContextEntries=context_of(conditions),
    )
    for result in results:
        yield from denials_in(result)


def denials_in(result: Mapping[str, Any]) -> Iterator[Denial]:
    """Yield what a result of the simulation denies, by resource where it says so."""
    for each in result.get("ResourceSpecificResults") or [result]:
        decision = each.get("EvalResourceDecision") or each.get("EvalDecision", "")
        if decision == _ALLOWED:
            continue
        organization = result.get("OrganizationsDecisionDetail", {})
        boundary = each.get(
            "PermissionsBoundaryDecisionDetail", result.get("PermissionsBoundaryDecisionDetail", {})
        )
        yield Denial(
            action=result["EvalActionName"],
            arn=each.get("EvalResourceName", "*"),
            is_explicit=decision == _EXPLICIT,
            is_of_organization=not organization.get("AllowedByOrganizations", True),
            is_of_boundary=not boundary.get("AllowedByPermissionsBoundary", True),
        )


def decide_permissions(found: Mapping[str, Sequence[Denial] | None]) -> Iterator[Observation]:
    """Yield what the denials of each role mean; None stands for a role that is not there."""
    for role, denials in found.items():
        if denials is None:
            yield problem(f"There is no role {role}.", "Deploy the stack again.")
        for remedy, group in _by_remedy(denials or ()).items():
            shown = sorted({f"{each.action} on {each.arn}" for each in group})
            more = len(shown) - _MOST_NAMED
            rest = f" and {more} more" if more > 0 else ""
            yield problem(f"Role {role} may not {listed(shown[:_MOST_NAMED])}{rest}.", remedy)
    good = sum(denials == [] for denials in found.values())
    if good:
        yield ok(f"{good} of {len(found)} roles may do what their steps declare.")


def _by_remedy(denials: Iterable[Denial]) -> dict[str, list[Denial]]:
    found: dict[str, list[Denial]] = {}
    for denial in denials:
        found.setdefault(_remedy(denial), []).append(denial)
    return found


def _remedy(denial: Denial) -> str:
    if denial.is_of_organization:
        return "A service control policy of the organization prevents it: have it allowed there."
    if denial.is_of_boundary:
        return "The permissions boundary of the role prevents it: have it allowed there."
    if denial.is_explicit:
        return "A statement denies it: find out in IAM which one, and who has added it."
    return "Deploy the stack again, which writes the role's policy."
