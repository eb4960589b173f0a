"""The secrets with which an RDS proxy logs in to its cluster.

A proxy may log in as the master user, with the secret that RDS manages. Another cluster's has
another ARN, which the proxy has to know; its role must be allowed to read that secret
("Setting up database credentials for RDS Proxy").
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.rds.calls import RdsCall

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

_SECRET = "SecretArn"  # noqa: S105 - the name of a parameter


@dataclass(frozen=True, kw_only=True)
class ProxyLogins:
    """The logins of one proxy, each as ModifyDBProxy takes it."""

    proxy: str
    auth: Sequence[Mapping[str, Any]]

    def use(self, secret_arn: str) -> bool:
        """Return whether one of them is the one that a secret holds."""
        return any(each.get(_SECRET) == secret_arn for each in self.auth)

    def with_secret(self, former: str, region: str, secret_arn: str) -> RdsCall:
        """Return the call that lets the proxy log in with another secret than the former.

        ModifyDBProxy replaces all of them, so the others are given as they are.
        """
        auth = [
            {**each, _SECRET: secret_arn} if each.get(_SECRET) == former else dict(each)
            for each in self.auth
        ]
        return RdsCall(
            "ModifyDBProxy",
            region,
            {"DBProxyName": self.proxy, "Auth": auth},
            f"the proxy logs in with the old cluster's secret {former}",
        )


def logins_with(
    rds: "RDSClient", proxies: Iterable[str], secret_arn: str | None
) -> Iterator[ProxyLogins]:
    """Yield the logins of each proxy that uses a secret. Raises AwsError if AWS refuses to say."""
    if secret_arn is None:
        return
    for name in proxies:
        for each in call(rds.describe_db_proxies, DBProxyName=name)["DBProxies"]:
            auth = [_as_given(login) for login in each.get("Auth", ())]
            logins = ProxyLogins(proxy=name, auth=auth)
            if logins.use(secret_arn):
                yield logins


def _as_given(login: Mapping[str, Any]) -> dict[str, Any]:
    """Return a login as ModifyDBProxy takes it, from what DescribeDBProxies shows."""
    return {key: value for key, value in login.items() if value not in (None, "")}
