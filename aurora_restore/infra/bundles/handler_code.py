"""The functions' code: this repository's own."""

from aws_cdk import IgnoreMode
from aws_cdk import aws_lambda as lambda_

from aurora_restore.repository import DEPLOYED, REPOSITORY


def handler_code() -> lambda_.Code:
    """Return an asset with ``shared`` and ``lambdas`` of ``aurora_restore``, and nothing else.

    The import paths are those of the repository, and the hash follows from the content.
    """
    return lambda_.Code.from_asset(
        str(REPOSITORY),
        ignore_mode=IgnoreMode.DOCKER,
        exclude=[
            "*",
            "!aurora_restore",
            "aurora_restore/*",
            *(f"!{part}" for part in DEPLOYED),
            "**/__pycache__",
        ],
    )
