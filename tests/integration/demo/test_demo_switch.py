"""The demo with a target that serves until another cluster gets its name, and then again."""

import json
import re

from aurora_restore.shared.sequences import ROLL_BACK, SWITCH
from demo.evidence import FOLDER
from demo.run import WAY_BACK_FOLDER
from embedded_aws.environment import repository
from tests.integration.demo.conftest import PATIENCE_SECONDS, DemoProgram
from tests.integration.demo.outputs import (
    assert_nothing_is_left,
    quoted,
    without_numbers,
)

SAID = {
    "It was served on the old data until the name began to change hands": "at each of ",
    "Since then it is served on the new data": "at each of ",
    "The old cluster is kept under another name, and nobody but the pipeline can reach it": (
        "shop-staging-ar-"
    ),
    "It was served on the new data until the name began to change hands": "at each of ",
    "Since then it is served on the old data": "at each of ",
    "The cluster that was rejected is kept under another name, and nobody but the pipeline can "
    "reach it": "shop-staging-ar-",
    "It never saw a value that is to be masked": "none of 5,143, in ",
    "No password of production let anybody in under the target's name": "",
}
"""What is promised of the switch and of the way back, and how that begins by which it is shown."""
REFUSED = re.compile(
    r" yes Then it was refused, and no longer than the pipeline says: "
    r"for [\d.]+ s, to [\d.]+ s \(\d+ attempts\); the pipeline says [\d.]+ s, to [\d.]+ s"
)
HARM = {
    "It was served on the old data until the name began to change hands": "it found nothing",
    "Then it was refused, and no longer than the pipeline says": "it found nothing",
    "The old cluster is kept under another name, and nobody but the pipeline can reach it": (
        "another host reaches"
    ),
    "Since then it is served on the old data": "then nothing",
    "The cluster that was rejected is kept under another name, and nobody but the pipeline can "
    "reach it": "another host reaches",
    "It never saw a value that is to be masked": "in ",
    "No password of production let anybody in under the target's name": (
        "let in were analyst, etl, shop_app, shop_owner;"
    ),
}
"""The same where nothing keeps the switch harmless, and what is found instead."""


def test_it_switches_and_goes_back_while_an_application_logs_in_all_the_time(
    demo_with_switch: DemoProgram,
) -> None:
    demo = demo_with_switch
    assert demo.wait(2 * PATIENCE_SECONDS) == 0, demo.output
    assert_nothing_is_left(demo)
    lines = [" ".join(line.split()) for line in demo.output.splitlines()]
    # A notification is shown as it was published.
    unwrapped = [line for line in demo.output.splitlines() if not line.startswith('    "')]
    assert max(map(len, unwrapped)) <= 140
    assert lines[-1] == "All of it held."

    for sequence in (SWITCH, ROLL_BACK):
        steps = len(sequence.steps)
        for number, step in enumerate(sequence.steps, start=1):
            reported = [line for line in lines if f" {number}/{steps} {step} " in f" {line} "]
            assert reported[-1].split(step)[1].startswith(" done in "), step
            shown = rf"{number} {step} [\d.]+ s [\d.]+ s \d+ ━+$"
            assert any(re.match(shown, line) for line in lines), step

    said = " ".join(demo.output.split())
    for promise, shown in SAID.items():
        assert f" yes {promise}: {shown}" in said, promise
    assert len(REFUSED.findall(said)) == 2
    for part in quoted("demo-switch"):
        assert without_numbers(part) in without_numbers(said)

    notified = json.loads(
        (repository() / FOLDER / WAY_BACK_FOLDER / "notifications.json").read_text()
    )
    details = [json.loads(each["message"])["details"] for each in notified]
    assert [each["retired_cluster_id"][:16] for each in details] == ["shop-staging-ar-"] * 2


def test_every_check_of_the_switch_fails_if_nothing_keeps_it_harmless(
    careless_demo_with_switch: DemoProgram,
) -> None:
    demo = careless_demo_with_switch
    assert demo.wait(2 * PATIENCE_SECONDS) == 1, demo.output
    assert_nothing_is_left(demo)
    said = " ".join(demo.output.split())
    for promise, found in HARM.items():
        assert re.search(rf" NO {re.escape(promise)}: .*{re.escape(found)}", said), promise
    # What nothing has been taken away from holds.
    for data in ("Since then it is served on the new data", "It was served on the new data until"):
        assert f" yes {data}" in said
