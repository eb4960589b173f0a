"""Tests of the stack. The CDK runs on the Node of this repository, which jsii supports."""

import os

from aurora_restore.reference.repository import REPOSITORY

os.environ.setdefault("JSII_NODE", str(REPOSITORY / "node_modules" / ".bin" / "node"))
