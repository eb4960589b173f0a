"""What the application's secret says of where to connect, and the one place that writes it.

The keys are those of Secrets Manager's own secrets for databases, which drivers and AWS's
libraries read, and one more for the readers:
https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from aurora_restore.shared.aws_utils import Clients
from aurora_restore.shared.documents.restore_secrets import EndpointRule
from aurora_restore.shared.documents.secrets import AppCredentials
from aurora_restore.shared.request import RestoreRequest
from aurora_restore.shared.secret_changes import change_secret

ENGINE: Final = "postgres"


@dataclass(frozen=True, kw_only=True)
class ApplicationEndpoint:
    """Where the application connects to a restored cluster. What is None is not known."""

    host: str
    port: int
    reader_host: str | None = None
    dbname: str | None = None

    @property
    def keys(self) -> dict[str, Any]:
        """Return what clients read of it, by the keys that drivers know."""
        return {
            "engine": ENGINE,
            "host": self.host,
            "reader_host": self.reader_host,
            "port": self.port,
            "dbname": self.dbname,
        }


@dataclass(frozen=True, kw_only=True)
class SecretFacts:
    """What is known of an application's secret."""

    value: Mapping[str, Any] = field(repr=False)
    """What it holds."""
    name: str
    restore: str
    rule: EndpointRule
    known_hosts: frozenset[str]
    """The hosts that are the target's, or that the pipeline wrote into it before."""


@dataclass(frozen=True)
class FillIn:
    """Give these keys these values. There are none if the secret has all of them."""

    changes: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class LeaveAlone:
    """Write nothing."""

    reason: str


def decide(facts: SecretFacts, endpoint: ApplicationEndpoint) -> FillIn | LeaveAlone:
    """Return what to write into an application's secret.

    Raises ConfigurationError if the secret does not name the application's roles.
    """
    option = f"restores.{facts.restore}.secrets.app_secret_endpoint"
    match facts.rule:
        case EndpointRule.NEVER:
            return LeaveAlone(f"{option} is false")
        case EndpointRule.NOT_IN_COMMON:
            return LeaveAlone(
                f"several restores use it; give this one a secret of its own, or set {option} to "
                "true, and deploy"
            )
        case EndpointRule.UNLESS_FOREIGN if named := _foreign_key(facts):
            return LeaveAlone(
                f"its {named} is not of this target, so something else may rely on it; to have it "
                f"overwritten, set {option} to true, and deploy"
            )
        case EndpointRule.UNLESS_FOREIGN | EndpointRule.ALWAYS:
            wanted = _wanted(facts, endpoint)
        case rule:
            assert_never(rule)
    return FillIn(
        {
            key: value
            for key, value in wanted.items()
            if value is not None and str(facts.value.get(key)) != str(value)
        }
    )


def _foreign_key(facts: SecretFacts) -> str | None:
    """Return the key by which the secret describes another login than the one to be written."""
    host = facts.value.get("host")
    if host:
        return None if str(host).lower() in facts.known_hosts else "host"
    user = facts.value.get("username")
    return "username" if user and user != facts.value.get("app_username") else None


def _wanted(facts: SecretFacts, endpoint: ApplicationEndpoint) -> dict[str, Any]:
    app = AppCredentials.parse(facts.value, source=f"secret {facts.name}")
    return {**endpoint.keys, "username": app.app_username, "password": app.app_password}


def fill_app_secret(
    request: RestoreRequest,
    endpoint: ApplicationEndpoint,
    *,
    known_hosts: Collection[str | None],
    clients: Clients,
) -> FillIn | LeaveAlone:
    """Make the secret of a restore say where its cluster is reached; return what was decided.

    Only what differs is written, every other key stays as it is, and nothing is written if it is
    right. ``known_hosts`` are the target's, and the one that the pipeline wrote into it the last
    time. Raises what ``change_secret`` and ``decide`` raise.
    """

    def decided(value: Mapping[str, Any]) -> FillIn | LeaveAlone:
        return decide(facts_of(request, value, {endpoint.host, *known_hosts}), endpoint)

    def change(value: Mapping[str, Any]) -> Mapping[str, Any]:
        match decided(value):
            case FillIn(changes):
                return {**value, **changes}
            case LeaveAlone():
                return value
            case decision:
                assert_never(decision)

    purpose = f"{request.owner.operation_id}\n{endpoint}"
    return decided(change_secret(request.secrets.app, change, purpose=purpose, clients=clients))


def facts_of(
    request: RestoreRequest, value: Mapping[str, Any], hosts: Collection[str | None]
) -> SecretFacts:
    """Return the facts of a restore's secret that holds ``value``; ``hosts`` are known."""
    return SecretFacts(
        value=value,
        name=request.secrets.app,
        restore=request.owner.restore,
        rule=request.secrets.endpoint,
        known_hosts=frozenset(host.lower() for host in hosts if host),
    )


def described(secret: str, decision: FillIn | LeaveAlone) -> str:
    """Return what an answer, the audit trail and a notice say of a decision."""
    match decision:
        case FillIn():
            return f"secret {secret} says where the cluster is reached"
        case LeaveAlone(reason):
            return (
                f"secret {secret} does not say where this cluster is reached, and stays as it is: "
                f"{reason}"
            )
        case _:
            assert_never(decision)
