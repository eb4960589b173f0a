"""The version of Python that the functions run on."""

from typing import Final

from aws_cdk import aws_lambda as lambda_

RUNTIME: Final = lambda_.Runtime.PYTHON_3_14
PYTHON_VERSION: Final = RUNTIME.name.removeprefix("python")
