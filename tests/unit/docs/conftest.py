"""One synthesis of the environment that the deployment guide shows."""

import json

import pytest

from tests.unit.docs.pages import page
from tests.unit.infra.synthesis import Document, Synthesis, synthesise


@pytest.fixture(scope="session")
def readme_environment() -> Document:
    """The environment's file of the deployment guide, which is called ``staging``."""
    (block,) = (each for each in page("docs/deploy.md").blocks if each.example == "environment")
    document: Document = json.loads(block.text)
    return document


@pytest.fixture(scope="session")
def documented_stack(readme_environment: Document) -> Synthesis:
    """Its stack."""
    return synthesise(readme_environment)
