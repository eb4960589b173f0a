"""An emulator inside the calling process, under moto's mock: for fast tests."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import boto3
from botocore.loaders import create_loader
from botocore.session import Session
from moto import mock_aws

from embedded_aws.rds.admin import RdsAdmin
from embedded_aws.rds.api import RdsApi
from embedded_aws.rds.backend import RdsBackend
from embedded_aws.rds.clock import Clock, ManualClock
from embedded_aws.rds.data_plane import DataPlane
from embedded_aws.rds.data_plane.none import NoDataPlane
from embedded_aws.rds.moto_patch import installed
from embedded_aws.rds.moto_services import MotoServices
from embedded_aws.rds.quick_moto import quick_moto
from embedded_aws.rds.quick_wire import quick_wire
from embedded_aws.rds.rules import Rules
from embedded_aws.rds.timings import Timings

_LOADER = create_loader()
"""Shared by all sessions: the models of the services are read once."""


@dataclass(frozen=True)
class InProcessRds:
    """An installed emulator; boto3 clients of this process reach it."""

    api: RdsApi
    admin: RdsAdmin

    @property
    def backend(self) -> RdsBackend:
        """What it holds."""
        return self.api.backend

    def session(self, account: str, region: str) -> boto3.Session:
        """Return a boto3 session as an administrator of an account."""
        key = self.admin.credentials(account)
        core = Session()
        core.register_component("data_loader", _LOADER)
        return boto3.Session(
            botocore_session=core,
            aws_access_key_id=key["access_key_id"],
            aws_secret_access_key=key["secret_access_key"],
            region_name=region,
        )


@contextmanager
def in_process(
    *,
    clock: Clock | None = None,
    timings: Timings | None = None,
    rules: Rules | None = None,
    data_plane: DataPlane | None = None,
    is_quick: bool = False,
) -> Iterator[InProcessRds]:
    """Run ``mock_aws()`` with the embedded RDS; the clock stands still unless one is given.

    If it is quick, requests reach it as values, and no XML is written: see :mod:`.quick_wire`.
    """
    api = RdsApi(
        RdsBackend(
            clock=clock or ManualClock(),
            timings=timings or Timings(),
            rules=rules or Rules(),
            data_plane=data_plane or NoDataPlane(),
            services=MotoServices(),
        )
    )
    try:
        with (
            quick_moto(),
            quick_wire() if is_quick else nullcontext(),
            mock_aws(),
            installed(api),
        ):
            yield InProcessRds(api, RdsAdmin(api))
    finally:
        api.stop()
