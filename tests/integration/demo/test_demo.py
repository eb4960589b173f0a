"""The demo from start to end, interrupted on its way, and with an execution that fails."""

import json
import re
import signal

from aurora_restore.shared.sequences import REPLACE
from aurora_restore.shared.snapshots.routes import Route
from demo.evidence import FOLDER
from demo.scenario import PRODUCTION_ACCOUNT
from embedded_aws.environment import repository
from tests.integration.demo.conftest import DemoProgram
from tests.integration.demo.outputs import (
    assert_nothing_is_left,
    quoted,
    without_numbers,
)

STEPS = len(REPLACE.steps)
PREPARED = (
    "Created source shop-production in us-east-1",
    "Created shop-supplier in us-east-1",
    "Filled it over TLS, with 5 logins of its own",
    "Subscribed it to shop-supplier",
    "Read all of it: 11 tables, 134,6",
    "Took its daily snapshot, rds:shop-production-",
    "Created old target shop-staging in us-west-2",
    "Deployed the app by cdk deploy: AuroraRestore-demo",
)
LOGINS = {
    "postgres master, production's": "yes refused locked out",
    "shop_owner": "yes refused locked out",
    "analyst": "yes refused locked out",
    "shop_app": "yes refused locked out",
    "etl": "yes refused locked out",
    "monitoring": "yes yes kept",
    "postgres master, staging's": "refused yes new",
    "app_user": "refused yes: read, write set up",
    "readonly_user": "refused yes: read set up",
}
VERDICTS = {
    "shop.customers": "masked",
    "shop.customer_changes": "cleared",
    "shop.mailings": "cleared",
}
SAFETY = {
    "What would have tied the copy to production is removed from it": (
        "subscriptions: supplier_prices in shop; user mappings: postgres at production in shop; "
        "cron jobs: 1 newsletter of postgres in postgres"
    ),
    "Production's replication slot at its supplier is where production left it": "supplier_prices",
    "What its supplier published meanwhile was delivered to production alone": "3 prices",
    "Nothing was written to production, through its foreign server or otherwise": "its 11 tables",
    "No original value is left in any table, view or statistic of the copy": "",
    "The pipeline has proven the masking of every column": "of 2 masked ones none of ",
    "Its checks of the masked data have found nothing": "'No customer has a name or an address",
    "The quarantine was lifted after the databases were set up": "between 20",
    "Until the databases were set up another host was refused": "it was refused ",
}
"""What is promised of the copy, and how that begins by which it is shown."""
HARM = {
    "What would have tied the copy to production is removed from it": (
        "removed were none; left are subscriptions: supplier_prices in shop; user mappings: "
    ),
    "Production's replication slot at its supplier is where production left it": "it was ",
    "What its supplier published meanwhile was delivered to production alone": (
        "production has 0 prices of 3, and the copy has other rows"
    ),
    "Nothing was written to production, through its foreign server or otherwise": (
        "changed: shop.mailings"
    ),
    "No original value is left in any table, view or statistic of the copy": (
        "5,143 in shop.customers in shop"
    ),
    "The pipeline has proven the masking of every column": "the state holds no such proof",
    "Its checks of the masked data have found nothing": "they returned {}",
    "The quarantine was lifted after the databases were set up": "the state knows of none",
    "Until the databases were set up another host was refused": "it was refused ",
}
"""The same of a copy that nothing keeps harmless."""


def test_it_restores_a_database_and_shows_that_everything_held(demo: DemoProgram) -> None:
    assert demo.wait() == 0, demo.output
    assert_nothing_is_left(demo)
    lines = [" ".join(line.split()) for line in demo.output.splitlines()]
    assert max(map(len, demo.output.splitlines())) <= 140
    assert lines[-1] == "All of it held."

    for text in PREPARED:
        assert any(text in line for line in lines), text
    for number, step in enumerate(REPLACE.steps, start=1):
        reported = [line for line in lines if f" {number}/{STEPS} {step} " in f" {line} "]
        assert reported[-1].split(step)[1].startswith(" done in "), step
        assert any(re.match(rf"{number} {step} [\d.]+ s [\d.]+ s \d+ ━+$", line) for line in lines)
    percentages = [int(found) for found in re.findall(r"in progress, (\d+) %", demo.output)]
    assert len(percentages) >= 2
    assert percentages == sorted(percentages)

    shown = r"(\S+) ([\d,]+) ([\d,]+) (\w{8}) (\w{8}) (identical|masked|cleared)"
    rows = [re.fullmatch(shown, line) for line in lines]
    tables = {row[1]: row for row in rows if row}
    assert len(tables) == 11
    for name, row in tables.items():
        verdict = VERDICTS.get(name, "identical")
        assert row[6] == verdict
        assert (row[4] == row[5]) is (verdict == "identical")
        assert row[3] == ("0" if verdict == "cleared" else row[2])
    assert tables["pgbench_accounts"][2] == "100,000"

    for login, verdict in LOGINS.items():
        assert any(line.startswith(login) and line.endswith(verdict) for line in lines), login
    said = " ".join(demo.output.split())
    for promise, shown in SAFETY.items():
        assert f" yes {promise}: {shown}" in said, promise
    for part in quoted("demo"):
        assert without_numbers(part) in without_numbers(said)

    published = json.loads(demo.output.split("\nTHE SAME FOR MACHINES\n")[1].split("\n\n")[0])
    assert published["status"] == "success"
    assert published["details"]["disabled_logins"] == ["analyst", "etl", "shop_app", "shop_owner"]
    kept = repository() / FOLDER
    assert json.loads((kept / "notifications.json").read_text())[0]["message"] == json.dumps(
        published, indent=2
    )
    assert (kept / "functions" / "aurora-restore-setup-db-users.log").read_text()


def test_every_check_of_the_copy_fails_if_nothing_keeps_it_harmless(
    careless_demo: DemoProgram,
) -> None:
    assert careless_demo.wait() == 1, careless_demo.output
    assert_nothing_is_left(careless_demo)
    assert SAFETY.keys() == HARM.keys()
    said = " ".join(careless_demo.output.split())
    for promise, found in HARM.items():
        assert f" NO {promise}: {found}" in said, promise
    failures = said.split(" This did not hold: ")[1]
    for table in ("public.prices: DIFFERENT", "shop.customers: NOT MASKED: name, email, phone"):
        assert f"table {table}" in failures
    assert "login " not in failures


def test_ctrl_c_during_the_execution_ends_everything(demo: DemoProgram) -> None:
    demo.wait_for(f"1/{STEPS} snapshot-check")
    demo.send(signal.SIGINT)
    demo.send(signal.SIGINT)
    assert demo.wait() == 130
    assert_nothing_is_left(demo)
    assert demo.output.splitlines()[-1] == (
        "Interrupted by SIGINT; nothing that was started is left running."
    )


def test_sigterm_during_the_preparation_ends_everything(demo: DemoProgram) -> None:
    demo.wait_for("Started the embedded AWS")
    demo.send(signal.SIGTERM)
    assert demo.wait() == 143
    assert_nothing_is_left(demo)
    assert demo.output.splitlines()[-1].startswith("Interrupted by SIGTERM;")


def test_a_failed_execution_is_explained(failing_demo: DemoProgram) -> None:
    demo = failing_demo
    assert demo.wait() == 1, demo.output
    assert_nothing_is_left(demo)
    for text in (
        f"1/{STEPS} snapshot-check        FAILED after",
        "Step: snapshot-check\nError: SnapshotNotFoundError\nSnapshot not found",
        "functions/aurora-restore-snapshot-check.log",
        '"status": "failed"',
        "This did not hold:\n  The execution failed.",
    ):
        assert text in demo.output
    assert "Traceback" not in demo.output


def test_it_restores_from_another_account_and_leaves_nothing_there(
    demo_across_accounts: DemoProgram,
) -> None:
    assert demo_across_accounts.wait() == 0, demo_across_accounts.output
    assert_nothing_is_left(demo_across_accounts)
    lines = [" ".join(line.split()) for line in demo_across_accounts.output.splitlines()]
    assert lines[-1] == "All of it held."
    assert f"yes Account {PRODUCTION_ACCOUNT} holds no copy that was made for the way" in lines
    assert f"yes The snapshot was {Route.OTHER_ACCOUNT_AND_REGION}" in lines
