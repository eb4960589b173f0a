"""Faults in how an environment's targets are switched, and what is warned of."""

from collections.abc import Iterator

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.restore_secrets import EndpointRule
from aurora_restore.shared.documents.schema import Fault
from aurora_restore.shared.documents.switch import Switch


def faults_of_switches(environment: Environment) -> Iterator[Fault]:
    """Yield every setting that does not fit the way of switching, or that two restores share."""
    first: dict[str, str] = {}
    for name, restore in environment.restores.items():
        switch, path = restore.switch, f"restores.{name}.switch"
        publishes = switch.by == "endpoint"
        if publishes and switch.tls_refresh != "none":
            yield Fault(
                f"{path}.tls_refresh",
                'is for `by` "rename": without a rename the certificate is always right; leave it '
                "out",
            )
        if switch != Switch() and not restore.target.is_switched:
            yield Fault(path, 'is for `target.strategy` "switch": set that, or leave `switch` out')
        if restore.publishes_endpoint:
            yield from _secret(environment, name)
        for record in () if switch.cname is None else switch.cname.names:
            if (other := first.setdefault(record, name)) != name:
                yield Fault(
                    f"{path}.cname",
                    f"{record!r} is also a name of the restore {other!r}: give each names of its "
                    "own",
                )
        if switch.cname is not None and switch.cname.name == switch.cname.reader_name:
            yield Fault(
                f"{path}.cname.reader_name", "is the same as `name`: give the readers another"
            )


def warnings_of_switches(environment: Environment) -> Iterator[Fault]:
    """Yield a warning for everything by which clients may not come to the new cluster."""
    for name, restore in environment.restores.items():
        cname = restore.switch.cname
        rule = environment.secrets_of(name).endpoint
        if restore.publishes_endpoint and cname is None and rule is EndpointRule.NEVER:
            yield Fault(
                f"restores.{name}.secrets.app_secret_endpoint",
                "is false, so only the parameter says where the target is reached: clients that "
                "read the secret, or know the target's endpoint, stay with the old cluster",
            )
        if cname is None:
            continue
        path = f"restores.{name}.switch.cname"
        yield Fault(
            path,
            f"no certificate of Aurora is for {' or '.join(cname.names)}: clients that verify the "
            "name of the server (sslmode=verify-full) are refused; let them read the secret or the "
            "parameter instead",
        )
        if environment.network.lambda_vpc == "all":
            yield Fault(
                path,
                "Route 53 has no interface endpoint: the subnets of the functions need a way to "
                'the internet, or set `network.lambda_vpc` to "database-only"',
            )


def _secret(environment: Environment, name: str) -> Iterator[Fault]:
    used = environment.secrets_of(name)
    if used.endpoint is EndpointRule.NOT_IN_COMMON:
        yield Fault(
            f"restores.{name}.switch.by",
            f'"endpoint" leads the clients by the application\'s secret, {used.app}, which other '
            "restores use, too: give this one a secret of its own (`secrets.app`, or "
            "`secrets.app_username`), or set `secrets.app_secret_endpoint` to true for one of them "
            "and to false for the others, whose clients then read the parameter or the records",
        )
