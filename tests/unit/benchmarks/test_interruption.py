"""The model of the interruption: what it says, and that it says where each number comes from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_restore.reference.looks import look_until_seen, rule_of_steps
from benchmarks import interruption
from benchmarks.durations import FIGURES, KEPT, Confidence, Duration, Figure, shown
from benchmarks.interruption import (
    CLIENTS,
    POLLING,
    STRATEGIES,
    TERABYTES,
    WIDTH,
    main,
    polled,
    replace,
    rows,
    sources,
    switch_by_endpoint,
    switch_by_rename,
    table,
)

SIZES = pytest.mark.parametrize("terabytes", TERABYTES.values())
EACH_FIGURE = pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.what)


@SIZES
def test_the_longest_switch_interrupts_less_than_the_shortest_replacement(
    terabytes: float,
) -> None:
    shortest = replace(terabytes).does_not_serve.low

    assert switch_by_rename(terabytes).does_not_serve.high < shortest
    assert switch_by_endpoint(terabytes).does_not_serve.high < shortest


@SIZES
def test_the_endpoint_interrupts_less_than_the_renames(terabytes: float) -> None:
    endpoint, rename = switch_by_endpoint(terabytes), switch_by_rename(terabytes)

    assert endpoint.does_not_serve.high < rename.does_not_serve.low


def test_only_the_interruption_of_a_replacement_grows_with_the_size() -> None:
    small, *_, large = TERABYTES.values()

    assert replace(large).does_not_serve.low > 5 * replace(small).does_not_serve.low
    assert switch_by_rename(large).does_not_serve == switch_by_rename(small).does_not_serve
    assert switch_by_endpoint(large).does_not_serve == switch_by_endpoint(small).does_not_serve


def test_a_switch_takes_about_as_long_as_a_replacement() -> None:
    for terabytes in TERABYTES.values():
        run = replace(terabytes).run
        for strategy in STRATEGIES.values():
            assert 0.75 < strategy(terabytes).run.low / run.low < 1.25
            assert 0.75 < strategy(terabytes).run.high / run.high < 1.25


@SIZES
def test_a_replacement_never_pays_for_two_clusters(terabytes: float) -> None:
    assert replace(terabytes).two_clusters is None
    assert replace(terabytes).two_sets_of_instances is None


@SIZES
def test_two_clusters_are_paid_for_from_the_restore_on_until_the_retirement(
    terabytes: float,
) -> None:
    switch = switch_by_rename(terabytes)

    assert switch.two_clusters is not None
    assert switch.two_sets_of_instances is not None
    assert switch.two_clusters.low > KEPT.duration.low
    assert switch.two_clusters.low > switch.does_not_serve.low
    assert switch.two_sets_of_instances.high < switch.two_clusters.low


def test_the_interruption_is_part_of_the_run() -> None:
    for _, _, outcome in rows():
        assert outcome.does_not_serve.low < outcome.run.low
        assert outcome.does_not_serve.high < outcome.run.high


@given(st.floats(min_value=0, max_value=100_000))
def test_polling_is_never_later_than_the_model_says(duration: float) -> None:
    late = look_until_seen(rule_of_steps(POLLING), duration).late

    assert duration + late <= polled(Duration(0, duration)).high


@EACH_FIGURE
def test_a_number_that_is_listed_is_computed_with(figure: Figure) -> None:
    assert figure in vars(interruption).values()


@EACH_FIGURE
def test_a_range_begins_before_it_ends(figure: Figure) -> None:
    assert 0 <= figure.low.seconds <= figure.high.seconds


@EACH_FIGURE
def test_a_number_says_where_it_comes_from(figure: Figure) -> None:
    for number in (figure.low, figure.high):
        published = number.confidence in (Confidence.DOCUMENTED, Confidence.REPORTED)
        assert number.reason
        assert not published or (number.url or "").startswith("https://")


def test_every_strategy_is_shown_for_every_size() -> None:
    shown_together = {(size, name) for size, name, _ in rows()}

    assert shown_together == {(size, name) for size in TERABYTES for name in STRATEGIES}


def test_the_table_fits_a_terminal() -> None:
    lines = [*table(), *(line for line in sources() if "https://" not in line)]

    assert max(map(len, lines)) <= WIDTH


def test_it_prints_sizes_strategies_clients_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    printed = capsys.readouterr().out

    for said in (*TERABYTES, *STRATEGIES, *CLIENTS, *(figure.what for figure in FIGURES)):
        assert said in printed
    assert printed.count("https://") >= 10


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0, 5, "0 - 5 s"),
        (60, 300, "60 s - 5 min"),
        (7200, 7200, "2.0 h"),
        (1800, 7200, "30 min - 2.0 h"),
    ],
)
def test_a_duration_is_shown_with_its_units(low: float, high: float, text: str) -> None:
    assert str(Duration(low, high)) == text
    assert shown(high) in text
