"""The runs of a restore in numbers."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aurora_restore.cli.report.runs import RunOutcome
from aurora_restore.cli.report.summary import count_failures, summarise
from tests.unit.cli.report.past import UNTIL, PastRuns, cost


def test_a_restore_without_runs_has_no_rate() -> None:
    summary = summarise("orders", [])

    assert (summary.runs, summary.success_rate, summary.last_success) == (0, None, None)


def test_a_run_under_way_counts_for_no_rate() -> None:
    past = PastRuns()
    good, bad = past.run(UNTIL - timedelta(days=2)), past.run(UNTIL, fails=True)
    running = replace(past.run(UNTIL), outcome=RunOutcome.RUNNING, ended=None)

    summary = summarise("orders", [good, bad, running])

    assert (summary.runs, summary.over, summary.success_rate) == (3, 2, 0.5)
    assert summary.last_success == good.ended
    assert summary.median_seconds == summary.longest_seconds == good.seconds(UNTIL)


def test_a_run_that_was_continued_counts_as_a_success_with_a_failure() -> None:
    past = PastRuns()
    failed = past.run(UNTIL, fails=True)
    continued = replace(failed, outcome=RunOutcome.SUCCEEDED)

    summary = summarise("orders", [continued])

    assert (summary.succeeded, summary.continued, summary.success_rate) == (1, 1, 1.0)
    step, error, count = count_failures([continued])[0]
    assert (step, error, count) == (failed.failures[0].step, failed.failures[0].error_type, 1)


def test_a_sum_of_costs_says_of_how_many_runs_it_lacks_some() -> None:
    run = PastRuns().run(UNTIL)
    running = replace(run, outcome=RunOutcome.RUNNING, ended=None, approximate_cost=None)
    costs = (cost(4.0), cost(None), None)

    summary = summarise("orders", [running, *(replace(run, approximate_cost=c) for c in costs)])

    assert summary.approximate_usd == pytest.approx(4.02)
    assert summary.cost_not_known == 2
    assert summarise("orders", [running]).approximate_usd is None
    assert summarise("orders", [running]).cost_not_known == 0
