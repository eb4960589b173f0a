"""How a run has ended, in words and in what a program reads of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aurora_restore.cli.selftest.decision import DeletionVerdict, FoundResource
from aurora_restore.cli.selftest.records import ResourceKind
from aurora_restore.cli.selftest.report import ProvenPart, SelfTestReport, conclusion
from aurora_restore.proof.checks import Check

KEPT = Check(promise="The data is masked", held=True, evidence="yes", found="")
BROKEN = Check(promise="The data is masked", held=False, evidence="", found="it is not")
LEFT = DeletionVerdict(
    found=FoundResource(
        kind=ResourceKind.CLUSTER,
        name="ar-selftest-abcdefgh-target",
        resource_id="cluster-1",
        created=datetime(2026, 11, 30, tzinfo=UTC),
    ),
    deleted=False,
    reason="it was made before the run",
)
CLEAN = "--clean abcdefgh"


def report(check: Check = KEPT, **known: Any) -> SelfTestReport:
    return SelfTestReport(
        run="abcdefgh",
        account="222222222222",
        region="us-east-1",
        engine_version="17.5",
        parts=[ProvenPart(title="Replace", checks=(check,))],
        **{"left": (), **known},
    )


def test_it_held_where_everything_did_and_nothing_is_left() -> None:
    ended = report()
    assert ended.held
    assert list(conclusion(ended))[-1] == "Nothing of it is left in the account."


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (report(BROKEN), "1 of 1 checks did not hold"),
        (report(failure="The deployment failed."), "ended early: The deployment failed."),
        (report(left=(LEFT,)), CLEAN),
        (report(left=None, not_cleaned="The token has expired."), "The token has expired."),
    ],
    ids=["a broken promise", "an early end", "a rest", "an unfinished deletion"],
)
def test_it_did_not_hold_where_anything_is_amiss(ended: SelfTestReport, said: str) -> None:
    assert not ended.held
    assert ended.to_json()["held"] is False
    assert said in " ".join(conclusion(ended))


def test_what_was_not_deleted_is_named_with_the_way_on() -> None:
    assert CLEAN in " ".join(conclusion(report(left=None, not_cleaned="It was interrupted.")))
    assert CLEAN in " ".join(conclusion(report(left=None)))
    (left,) = report(left=(LEFT,)).to_json()["left"]
    assert left == {"kind": "cluster", "name": LEFT.found.name, "reason": LEFT.reason}
