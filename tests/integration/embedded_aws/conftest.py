"""The app of these tests, deployed once."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from embedded_aws.aws import EmbeddedAws


@pytest.fixture(scope="session")
def outputs(aws: EmbeddedAws) -> Mapping[str, str]:
    """The outputs of the deployed stack."""
    app = Path(__file__).parent / "probe_app"
    return aws.deploy("tests", app_directory=app)["Probe-tests"]
