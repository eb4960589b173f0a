"""The stacks are the same in an app with other feature flags than this one's."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from aurora_restore.infra import feature_flags
from aurora_restore.infra.source_account.stack import SourceAccountStack
from aurora_restore.infra.stack import AuroraRestoreStack
from aurora_restore.permissions.source_role import source_accounts
from tests.unit.infra.examples import across_accounts
from tests.unit.infra.synthesis import CONTEXT, Document, environment

FLIPPED = {flag: not value for flag, value in CONTEXT.items() if isinstance(value, bool)}
"""The opposite of every flag that the CDK recommends, which this app's ``cdk.json`` has."""


def templates(context: Mapping[str, Any]) -> list[Document]:
    """The template of each stack of an environment in an app with a context."""
    app = cdk.App(context={**context, "aws:cdk:bundling-stacks": []})
    checked = environment(across_accounts())
    stacks: list[cdk.Stack] = [AuroraRestoreStack(app, "Test", environment=checked)]
    stacks += [
        SourceAccountStack(app, f"Source{account}", environment=checked, account=account)
        for account in source_accounts(checked)
    ]
    return [dict(Template.from_stack(stack).to_json()) for stack in stacks]


@pytest.fixture(scope="module")
def ours() -> list[Document]:
    return templates(CONTEXT)


@pytest.mark.parametrize("context", [{}, FLIPPED], ids=["none", "the opposite of each"])
def test_the_flags_of_an_app_change_nothing(ours: list[Document], context: Document) -> None:
    assert len(ours) == 2
    assert templates(context) == ours


def test_a_flag_that_is_not_set_would_change_something(
    ours: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_flags, "FEATURE_FLAGS", {})

    assert templates(FLIPPED) != ours
