"""An emulator inside the calling process, under moto's mock: for fast tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
from botocore.loaders import create_loader
from botocore.session import Session
from moto import mock_aws

from aurora_restore.local.rds.clock import Clock, ManualClock
from aurora_restore.local.rds.control import Control
from aurora_restore.local.rds.emulator import Emulator
from aurora_restore.local.rds.moto_neighbours import MotoNeighbours
from aurora_restore.local.rds.moto_patch import installed
from aurora_restore.local.rds.plane import DataPlane
from aurora_restore.local.rds.plane.none import NoDataPlane
from aurora_restore.local.rds.rules import Rules
from aurora_restore.local.rds.timings import Timings
from aurora_restore.local.rds.world import World

_LOADER = create_loader()
"""Shared by all sessions: the models of the services are read once."""


@dataclass(frozen=True)
class InProcessRds:
    """An installed emulator; boto3 clients of this process reach it."""

    emulator: Emulator
    control: Control

    @property
    def world(self) -> World:
        """What it holds."""
        return self.emulator.world

    def session(self, account: str, region: str) -> boto3.Session:
        """A boto3 session as an administrator of an account."""
        key = self.control.credentials(account)
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
    plane: DataPlane | None = None,
) -> Iterator[InProcessRds]:
    """``mock_aws()`` with the embedded RDS in it; the clock stands still unless one is given."""
    emulator = Emulator(
        World(
            clock=clock or ManualClock(),
            timings=timings or Timings(),
            rules=rules or Rules(),
            plane=plane or NoDataPlane(),
            neighbours=MotoNeighbours(),
        )
    )
    try:
        with mock_aws(), installed(emulator):
            yield InProcessRds(emulator, Control(emulator))
    finally:
        emulator.stop()
