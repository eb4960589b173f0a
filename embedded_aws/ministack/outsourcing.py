"""What stacks make in the account of the embedded RDS: networks, and all that is of databases.

MiniStack keeps such resources to itself, where neither a cluster nor a request finds them.
"""

import functools
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners

from embedded_aws.environment import FUNCTION_ENVIRONMENT_FILE, credentials

Properties = Mapping[str, Any]
Provisioned = tuple[str, dict[str, Any]]
Create = Callable[[str, Properties, str], Provisioned]
"""Makes a resource from its logical id, its properties and the name of its stack."""
Update = Callable[[str, Properties, Properties, str, str], Provisioned]
Delete = Callable[[str, Properties], None]


def outsource(resource_type: str, *, create: Create, update: Update, delete: Delete) -> None:
    """Let CloudFormation make, change and delete a type of resource like this.

    It goes on as before where no embedded RDS brings an account along.
    """
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    kept: dict[str, Callable[..., Any]] = dict(handlers)

    def chosen(action: str, own: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any) -> Any:
            return (own if _url("ec2") else kept[action])(*arguments)

        return act

    handlers.update(
        create=chosen("create", create),
        update=chosen("update", update),
        delete=chosen("delete", delete),
        update_with_logical_id=True,
    )
    handlers.pop("snapshot", None)


def client(service: str) -> Any:
    """Return a client of EC2 or RDS in the account and Region of the stack that is at work."""
    return _client(service, get_account_id(), get_region(), _url(service))


def _url(service: str) -> str | None:
    """Return where a service of the embedded RDS is, as functions see it."""
    variables = json.loads(Path(os.environ[FUNCTION_ENVIRONMENT_FILE]).read_text(encoding="utf-8"))
    url: str | None = variables.get(f"AWS_ENDPOINT_URL_{service.upper()}")
    return url


@functools.cache
def _client(service: str, account: str, region: str, url: str) -> Any:
    identity = credentials(account)
    make: Callable[..., Any] = boto3.client
    return make(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=identity["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=identity["AWS_SECRET_ACCESS_KEY"],
    )
