"""What the documentation says about the interruption is what the model computes."""

from benchmarks.interruption import rows
from tests.unit.docs.pages import code_in, page


def test_the_table_is_that_of_the_model() -> None:
    documented = [
        (size, code_in(strategy)[0], *durations)
        for size, strategy, *durations in page("docs/switching.md").rows("How long it interrupts")
    ]

    assert documented == [
        (
            size,
            name,
            str(outcome.does_not_serve),
            str(outcome.run),
            str(outcome.two_clusters or "never"),
        )
        for size, name, outcome in rows()
    ]


def test_a_switch_that_is_charged_for_adds_up() -> None:
    """The example of the cost: 500 GB, two instances, an hour and a half until the switch."""
    instances, storage, beside, rule = 2 * 0.30, 500 * 0.10 / 730, 1.5, 0.5

    for kept, stopped, _, extra in page("docs/cost.md").rows("What a switch costs"):
        both = beside + float(code_in(kept)[0] if "`" in kept else kept.split()[0]) + rule
        running = beside if "true" in stopped else both
        assert float(extra) == round(running * instances + both * storage, 1)
