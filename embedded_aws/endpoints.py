"""Where the services of the embedded AWS are, and sessions that find them only there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader

from embedded_aws.environment import credentials

RDS_SERVICES = ("rds", "rds-data", "sts", "kms", "ec2", "ram", "application-autoscaling")
"""What the embedded RDS serves: databases, and what they depend on.

A role of another account, assumed at its STS, leads to that account's databases; its KMS holds the
keys of snapshots, its EC2 the networks of clusters, its Resource Access Manager the clusters that
are shared, its Application Auto Scaling the numbers of their readers. A stack's security groups are
made here too; what else a stack creates of these kinds (a key of a topic) lives in MiniStack, and
only CloudFormation looks there.
"""

# By the service's id in botocore's model, where that is not the name of its client.
_VARIABLES = {"application-autoscaling": "application_auto_scaling", "rds-data": "rds_data"}

_LOADER = create_loader()
"""Shared by all sessions, so that each service's model is read once: that of EC2 has megabytes."""


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """The URL for every service, and the URLs for those that are served elsewhere."""

    default: str
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def of(self, service: str) -> str:
        """Return the URL at which a service is found."""
        return self.exceptions.get(service, self.default)

    def variables(self) -> dict[str, str]:
        """Return the environment variables by which any AWS SDK finds the services."""
        exceptions = {
            f"AWS_ENDPOINT_URL_{_VARIABLES.get(service, service).upper()}": url
            for service, url in self.exceptions.items()
        }
        return {"AWS_ENDPOINT_URL": self.default, **exceptions}


class LocalSession(boto3.session.Session):
    """A boto3 session that knows only the embedded AWS.

    It reads neither profiles nor configuration files nor proxies, and gives every client its
    endpoint, so that no setting of the machine can lead it to a real account.
    """

    def __init__(self, endpoints: Endpoints, *, account: str, region: str) -> None:
        identity = credentials(account)
        session = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
                "ca_bundle": ("ca_bundle", None, None, None),
            }
        )
        session.register_component("data_loader", _LOADER)
        super().__init__(
            aws_access_key_id=identity["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=identity["AWS_SECRET_ACCESS_KEY"],
            region_name=region,
            botocore_session=session,
        )
        self._endpoints = endpoints

    if not TYPE_CHECKING:

        def client(self, service_name: str, *arguments: Any, **options: Any) -> Any:
            """Return a client of a service of the embedded AWS."""
            return super().client(service_name, *arguments, **self._sealed(service_name, options))

        def resource(self, service_name: str, *arguments: Any, **options: Any) -> Any:
            """Return a resource of a service of the embedded AWS."""
            return super().resource(service_name, *arguments, **self._sealed(service_name, options))

    def _sealed(self, service: str, options: Mapping[str, Any]) -> dict[str, Any]:
        config = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 2})
        given = options.get("config")
        return {
            **options,
            "config": config if given is None else config.merge(given),
            "endpoint_url": self._endpoints.of(service),
        }
