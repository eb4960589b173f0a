"""``aurora-restore selftest``."""

import json
import re
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import boto3
import typer

from aurora_restore.cli.acting import require_consent, tell
from aurora_restore.cli.check.place import BOOTSTRAP_VERSION
from aurora_restore.cli.context import deployment_of
from aurora_restore.cli.errors import EXPECTED, as_command_error, refused, usage
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.output import duration, make_console, note, say
from aurora_restore.cli.selftest import cleaning, plan
from aurora_restore.cli.selftest.decision import DeletionVerdict
from aurora_restore.cli.selftest.deploying import CdkDeployer, remove_work, require_cdk
from aurora_restore.cli.selftest.inventory import RunInventory
from aurora_restore.cli.selftest.records import (
    DEFAULT_FOLDER,
    RecordFile,
    SelfTestRecord,
    read_record,
    record_file,
    unfinished_runs,
)
from aurora_restore.cli.selftest.report import SelfTestReport, show_report
from aurora_restore.cli.selftest.running import SelfTestRun
from aurora_restore.proof import naming
from aurora_restore.proof.settings import SelfTestSettings
from aurora_restore.shared.aws_utils import call
from aurora_restore.shared.cost import PRICES_IN, PRICES_OF

_ENGINE: Final = "aurora-postgresql"
_MAJORS: Final = (15, 16, 17)
_VERSION: Final = re.compile(r"(\d+)\.(\d+)")
_ZONES: Final = 2
_INTERRUPTED: Final = "It was interrupted."
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


def selftest(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is made.")] = False,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Leave everything there at the end, to look at it; it is charged for."
        ),
    ] = False,
    clean: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Delete what is left of an earlier run, and do no more."),
    ] = None,
    as_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Also write what was found as JSON."),
    ] = None,
    records: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Where the record of each run is, until it is clean."),
    ] = DEFAULT_FOLDER,
    ca_bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The certificate authorities of the database in PEM, for a Region that is newer "
            "than the list that comes with this version.",
        ),
    ] = None,
) -> None:
    """Prove the pipeline in an account of one's own, for about a dollar, and delete all of it.

    It makes a network, a source cluster with data and a target, deploys an environment, refreshes
    the target by `replace` and by `switch`, logs in to the clusters, and measures what AWS does not
    document. What it makes is deleted at the end, also after Ctrl-C or a failure; after a crash
    `--clean RUN` does that. No other resource is touched.

    The exit code is 0 if everything held and nothing is left.
    """
    session = deployment_of(context).session
    if clean is not None:
        raise typer.Exit(_clean_run(session, clean, records))
    cdk = require_cdk()
    settings = _settings(session, ca_bundle)
    _announce(settings, records)
    require_consent("Make all of this now?", yes=yes)
    work = records.expanduser() / f"{settings.run}.work"
    work.mkdir(parents=True, exist_ok=True)
    record = SelfTestRecord(
        run=settings.run,
        account=settings.account,
        region=settings.region,
        started=datetime.now(UTC),
    )
    file = RecordFile(record_file(records, settings.run), record)
    file.begin()
    report = SelfTestReport(
        run=settings.run,
        account=settings.account,
        region=settings.region,
        engine_version=settings.engine_version,
    )
    began = time.monotonic()
    run = SelfTestRun(
        session=session,
        settings=settings,
        file=file,
        deployer=CdkDeployer(session, cdk, work),
        stage=_stage,
        deadline=began + plan.LIMIT_HOURS * 3600,
        report=report,
    )
    clean_up = None if keep else lambda: _clean(session, file)
    interrupted = prove(run.run, clean_up, report)
    report.seconds = time.monotonic() - began
    show_report(make_console(), report)
    if as_file is not None:
        as_file.write_text(
            json.dumps(report.to_json(), indent=2, ensure_ascii=False), encoding="utf-8"
        )
    if report.failure is None and report.left == ():
        remove_work(work)
    if interrupted:
        raise KeyboardInterrupt
    raise typer.Exit(ExitCode.DONE if report.held else ExitCode.FAILED)


def prove(
    run: Callable[[], None],
    clean: Callable[[], Sequence[DeletionVerdict]] | None,
    report: SelfTestReport,
) -> bool:
    """Run it, delete what it has made, and say in the report how both have ended.

    Without ``clean`` nothing is deleted. Returns whether one of them was interrupted. An error of
    the self-test itself is raised, after what it has made is deleted.
    """
    try:
        with _signals_interrupt():
            report.failure = _early_end_of(run)
    except BaseException:
        if clean is not None:
            clean()
        raise
    if clean is not None:

        def delete() -> None:
            report.left = clean()

        report.not_cleaned = _early_end_of(delete)
    return _INTERRUPTED in (report.failure, report.not_cleaned)


def _early_end_of(act: Callable[[], None]) -> str | None:
    """Do something, and return why it has ended early; None if it has not."""
    try:
        act()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except EXPECTED as error:
        return as_command_error(error).sentence
    return None


def _clean(session: boto3.Session, file: RecordFile) -> Sequence[DeletionVerdict]:
    """Delete what the run has made, and forget the record once nothing is left."""
    record = file.record
    note(
        f"Deleting what was made. If this is interrupted, `aurora-restore selftest --clean "
        f"{record.run}` goes on."
    )
    result = cleaning.clean(RunInventory(session, record.run), file, _stage)
    if result.is_clean:
        file.remove()
    return result.left


def _clean_run(session: boto3.Session, run: str, records: Path) -> ExitCode:
    """Delete what is left of an earlier run, by its record or by the tags of its first stack."""
    if not naming.is_run(run):
        known = ", ".join(unfinished_runs(records)) or "none"
        raise usage(f"{run!r} is not the id of a run. The runs in {records} are: {known}.")
    inventory = RunInventory(session, run)
    path = record_file(records, run)
    record = read_record(path) or inventory.reconstruct()
    if record is None:
        known = ", ".join(unfinished_runs(records)) or "none"
        raise usage(
            f"There is neither a record of run {run} in {records} nor its stack "
            f"{naming.source_stack(run)} in {session.region_name}. Nothing was deleted. The runs "
            f"that have a record are: {known}."
        )
    if (record.account, record.region) != (inventory.account, session.region_name):
        raise refused(
            f"Run {run} was in account {record.account}, {record.region}, and the credentials are "
            f"for {inventory.account}, {session.region_name}. Nothing was deleted."
        )
    file = RecordFile(path, record)
    file.begin()
    left = _clean(session, file)
    for each in left:
        say(f"Left: {each.found.kind} {each.found.name}: {each.why_left}")
    if left:
        return ExitCode.FAILED
    remove_work(path.with_suffix(".work"))
    say(f"Nothing of run {run} is left in the account.")
    return ExitCode.DONE


def _settings(session: boto3.Session, ca_bundle: Path | None) -> SelfTestSettings:
    """Return what the run is made of. Raises CommandError where the account is not ready."""
    account = str(call(session.client("sts").get_caller_identity)["Account"])
    region = str(session.region_name)
    found = call(session.client("ssm").get_parameters, Names=[BOOTSTRAP_VERSION])
    if not found["Parameters"]:
        raise usage(
            f"Account {account} is not prepared for the CDK in {region}. Run "
            f"`npx cdk bootstrap aws://{account}/{region}` once."
        )
    pages = (
        session.client("rds")
        .get_paginator("describe_orderable_db_instance_options")
        .paginate(Engine=_ENGINE, DBInstanceClass="db.serverless")
    )
    options = call(lambda: [each for page in pages for each in page["OrderableDBInstanceOptions"]])
    version, zones = choose_engine(options, region)
    return SelfTestSettings(
        run=naming.new_run(),
        account=account,
        region=region,
        zones=zones,
        engine_version=version,
        family=f"{_ENGINE}{version.partition('.')[0]}",
        ca_bundle=None if ca_bundle is None else str(ca_bundle.absolute()),
    )


def choose_engine(options: Iterable[Mapping[str, Any]], region: str) -> tuple[str, tuple[str, str]]:
    """Return the newest offered version that the self-test knows, and two zones that have it.

    Raises CommandError where there is none.
    """
    offered = {
        (int(match[1]), int(match[2])): sorted(zone["Name"] for zone in each["AvailabilityZones"])
        for each in options
        if (match := _VERSION.fullmatch(each["EngineVersion"])) and int(match[1]) in _MAJORS
    }
    usable = {version: zones for version, zones in offered.items() if len(zones) >= _ZONES}
    if not usable:
        raise usage(
            f"RDS offers no Aurora PostgreSQL {_MAJORS[0]} to {_MAJORS[-1]} with db.serverless in "
            f"two zones of {region}. Choose another Region."
        )
    newest = max(usable)
    first, second, *_ = usable[newest]
    return f"{newest[0]}.{newest[1]}", (first, second)


def _announce(settings: SelfTestSettings, records: Path) -> None:
    cost = plan.cost_of_run()
    console = make_console()
    tell(
        f"Run {settings.run}, in account {settings.account}, {settings.region}, with Aurora "
        f"PostgreSQL {settings.engine_version}. It makes, under names that begin with "
        f"{naming.prefix_of(settings.run)}:"
    )
    for each in plan.MADE:
        tell(f"  - {each}")
    tell(
        f"It takes about {duration(plan.EXPECTED_HOURS * 3600)}, and is given up after "
        f"{duration(plan.LIMIT_HOURS * 3600)}. It costs about ${cost.usd:.2f}, and not more than "
        f"${cost.most_usd:.2f}, at list prices of {PRICES_IN} as of {PRICES_OF}:"
    )
    for part in cost.expected:
        console.print(f"  {part.what:<36}${part.usd:.2f}  {part.basis}", soft_wrap=True)
    tell(
        "At the end, and after Ctrl-C or a failure, it deletes all of it. The record of what it "
        f"has made is {record_file(records, settings.run)}; after a crash "
        f"`aurora-restore selftest --clean {settings.run}` goes by it."
    )


def _stage(text: str) -> None:
    say(f"{datetime.now(UTC):%H:%M:%S}  {text}")


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let a signal that asks for the end do what Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
