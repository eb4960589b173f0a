"""Tests of the documentation. The CDK runs on the Node of this repository."""

import os

from aurora_restore.reference.repository import REPOSITORY

os.environ.setdefault("JSII_NODE", str(REPOSITORY / "node_modules" / ".bin" / "node"))
