"""The content of each generated block."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Final

from aurora_restore.cli.selftest.measurements import QUESTIONS
from aurora_restore.reference.commands import commands, exit_codes, global_options
from aurora_restore.reference.fields import plain_table, sections, type_name
from aurora_restore.reference.markdown import code, fenced, row, table
from aurora_restore.reference.transitions import FIRST_RUN, LATER_RUN, transitions
from aurora_restore.shared.cost import PRICES
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.event import Event
from aurora_restore.shared.documents.hooks import HookInput
from aurora_restore.shared.documents.restore import Polling
from aurora_restore.shared.documents.schema import fields
from aurora_restore.shared.errors import (
    AuroraRestoreError,
    ConfigurationError,
    retryable_error_names,
)
from aurora_restore.shared.events.detail import RunEvent, StepEvent
from aurora_restore.shared.failed_execution import (
    EXECUTION_FAILURES,
    FUNCTION_FAILURES,
    OTHER_FAILURE,
)
from aurora_restore.shared.grants import SOURCE_ROLE_GRANTS
from aurora_restore.shared.operation_state import EVERY_STEP, OperationState, declared
from aurora_restore.shared.pipeline import (
    APP_SECRET,
    EVENT_PUBLISHER,
    FUNCTIONS,
    HOOKS,
    Hook,
    PipelineFunction,
    Step,
    get_step,
)
from aurora_restore.shared.rds.arns import Place
from aurora_restore.shared.sequences import REPLACE, SEQUENCES, StepSequence
from aurora_restore.shared.snapshots.routes import Route, choose_route
from aurora_restore.shared.target_record import TargetRecord
from aurora_restore.shared.target_record import declared as recorded

ANSWERS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.OK: "The step has done its work, or there was nothing to do.",
    HTTPStatus.ACCEPTED: "Call it again after `retry_after` seconds: when it is likely to be over, "
    "by its progress, by earlier runs or by the time already waited.",
    HTTPStatus.BAD_REQUEST: "The input, the operation's state or the configuration is wrong.",
    HTTPStatus.NOT_FOUND: "Something is not there. Of `delete-rds` without an `error`: there is no "
    "cluster to delete, and the next step can be called.",
    HTTPStatus.CONFLICT: "The call is right in form, and would do harm now.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "AWS, the database or the function has failed.",
    HTTPStatus.SERVICE_UNAVAILABLE: "AWS could not do it now: repeat the call.",
}

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
HAND_OVER: Final = MINUTE / 4
"""How long RDS takes to change security groups."""

# Examples of runs: how long, in seconds, each step waits for RDS and for the SQL scripts, for one
# thing after another: the cluster, its instances, their password.
RUNS: Final[Mapping[str, Mapping[str, tuple[float, ...]]]] = {
    "Same Region, small: restore 20 min": {
        "check-delete-status": (10 * MINUTE,),
        "check-restore-status": (12 * MINUTE, 7 * MINUTE, 1 * MINUTE),
        "hand-over": (HAND_OVER,),
    },
    "Another Region, usual: copy 1 h, restore 45 min": {
        "check-copy-status": (1 * HOUR,),
        "check-delete-status": (10 * MINUTE,),
        "check-restore-status": (34 * MINUTE, 10 * MINUTE, 1 * MINUTE),
        "setup-db-users": (5 * MINUTE,),
        "hand-over": (HAND_OVER,),
    },
    "Another Region, large: copy 12 h, restore 2 h, masking 3 h": {
        "check-copy-status": (12 * HOUR,),
        "check-delete-status": (20 * MINUTE,),
        "check-restore-status": (105 * MINUTE, 13 * MINUTE, 2 * MINUTE),
        "setup-db-users": (3 * HOUR,),
        "hand-over": (HAND_OVER,),
    },
}


def steps() -> str:
    """Return the table of the steps in the order of a run."""
    return table(
        ("", "Step", "What it does", "May wait", "Leads back to"),
        (
            row(
                str(number),
                code(transition.step),
                get_step(transition.step).purpose,
                "yes" if get_step(transition.step).waits else "no",
                code(transition.lead_back.to) if transition.lead_back else "",
            )
            for number, transition in enumerate(REPLACE.transitions, start=1)
        ),
    )


def state_machine() -> str:
    """Return the diagram of the states, and how one leads to another."""
    return fenced("mermaid", _state_diagram(REPLACE))


def _state_diagram(sequence: StepSequence) -> Iterator[str]:
    yield "stateDiagram-v2"
    for name in sequence.steps:
        step = get_step(name)
        yield f'    state "{step.state_name}" as {step.module}'
    yield f"    [*] --> {get_step(sequence.first).module} : or where start_at says"
    for transition in sequence.transitions:
        step = get_step(transition.step)
        if step.waits:
            yield f"    {step.module} --> {step.module} : not yet, wait"
        if hook := sequence.hook_of(transition.step):
            after = "[*]" if hook.may_fail else step.module
            yield f"    {step.module} --> {after} : hook {hook.name}, if there is one"
        if transition.lead_back:
            yield f"    {step.module} --> {get_step(transition.lead_back.to).module} : failed"
        following = get_step(transition.next).module if transition.next else "[*]"
        yield f"    {step.module} --> {following}"
        if step.ends_dry_run:
            yield f"    {step.module} --> [*] : dry run"


def hooks() -> str:
    """Return the table of the hooks: when each is called, by which sequences, from which step."""
    return table(
        ("Hook", "Field", "Called", "From"),
        (
            row(code(hook.name), code(hook.field), hook.purpose, "; ".join(_asked_by(hook)))
            for hook in HOOKS
        ),
    )


def _asked_by(hook: Hook) -> Iterator[str]:
    steps: dict[str, list[str]] = {}
    for sequence in SEQUENCES:
        for step, found in sequence.hooks:
            if found is hook:
                steps.setdefault(step, []).append(sequence.name)
    for step, names in steps.items():
        yield f"{code(step)}, with {_codes(names)}"


def step_event() -> str:
    """Return the table of the fields of a step's event."""
    return plain_table(StepEvent)


def run_event() -> str:
    """Return the table of the fields of a run's event."""
    return plain_table(RunEvent)


def hook_input() -> str:
    """Return the table of what a hook's function is given."""
    return plain_table(HookInput)


def routes() -> str:
    """Return the table of a snapshot's routes, by the place of the source and `copy_route`."""
    here = Place("222222222222", "us-west-2")
    places = {
        ("the same", "the same"): here,
        ("the same", "another"): Place(here.account, "us-east-1"),
        ("another", "the same"): Place("111111111111", here.region),
        ("another", "another"): Place("111111111111", "us-east-1"),
    }
    return table(
        ("Source's account", "Source's Region", "`copy_route`", "The snapshot is"),
        (
            row(*where, code(way), route)
            for where, source in places.items()
            for way, route in _routes(source, here)
        ),
    )


def _routes(source: Place, target: Place) -> Iterator[tuple[str, Route]]:
    """Yield the routes that differ, with the setting that leads to each."""
    seen = set()
    for way in ("auto", "two-steps", "none"):
        try:
            route = choose_route(source, target, way)
        except ConfigurationError:
            continue
        if route not in seen:
            seen.add(route)
            yield way, route


def functions() -> str:
    """Return the table of the size and the secrets of each function."""
    return table(
        ("Function", "Time-out", "Memory", "Reads secrets", "Writes secrets", "Database"),
        (
            row(
                code(step.name),
                f"{step.timeout_seconds} s",
                f"{step.memory_mb} MB",
                ", ".join(_secrets(step, step.reads_secrets)) if isinstance(step, Step) else "",
                ", ".join(_secrets(step, step.writes_secrets)) if isinstance(step, Step) else "",
                "logs in" if step.reaches_database else "",
            )
            for step in FUNCTIONS
        ),
    )


def _secrets(step: Step, kinds: Iterable[str]) -> list[str]:
    """Return the kinds of secrets that a step uses, and those of the targets that it switches."""
    known = list(kinds)
    if step.writes_endpoint and APP_SECRET not in known:
        known.append(f"{APP_SECRET} of switched targets")
    return known


def permissions() -> str:
    """Return the table of what each function's role allows, beyond what all of them do."""
    return table(
        ("Function", "May call", "On", "If"),
        (line for function in FUNCTIONS for line in _permissions(function)),
    )


def _permissions(function: PipelineFunction) -> Iterator[str]:
    by_scope: dict[tuple[str, str], list[str]] = {}
    for grant in function.grants:
        by_scope.setdefault((grant.resource, grant.condition or ""), []).extend(grant.actions)
    if isinstance(function, Step):
        _add_of_step(function, by_scope)
    if function.watches:
        by_scope["its keys of locks, pauses, runs and targets in the state table", ""] = [
            "dynamodb:Query"
        ]
        by_scope["the restores' SSM parameters", ""] = ["ssm:GetParametersByPath"]
    elif function is EVENT_PUBLISHER:
        by_scope["the stream of the audit table", ""] = [
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
        ]
        by_scope["the dead-letter queue", ""] = ["sqs:SendMessage"]
    if not by_scope:
        yield row(code(function.name), "nothing more", "", "")
    for (resource, condition), actions in by_scope.items():
        yield row(code(function.name), _codes(sorted(set(actions))), resource, condition)


def _add_of_step(step: Step, by_scope: dict[tuple[str, str], list[str]]) -> None:
    for which in step.reads_secrets:
        by_scope.setdefault((f"the restores' {which} secrets", ""), []).append(
            "secretsmanager:GetSecretValue"
        )
    for which in step.writes_secrets:
        by_scope.setdefault((f"the restores' {which} secrets", ""), []).append(
            "secretsmanager:PutSecretValue"
        )
    if step.writes_endpoint:
        by_scope.setdefault(("the app secrets of targets that are switched", ""), []).extend(
            ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue")
        )
    if step.publishes:
        by_scope["the topic, and that of a chat channel", ""] = ["sns:Publish"]
        by_scope["the topics' keys", ""] = ["kms:Decrypt", "kms:GenerateDataKey*"]
        by_scope["the dead-letter queue", ""] = ["sqs:SendMessage"]


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(map(code, texts))


def source_role() -> str:
    """Return the table of what the role in a source account allows."""
    return table(
        ("May call", "On", "If"),
        (
            row(_codes(grant.actions), grant.resource, grant.condition or "")
            for grant in SOURCE_ROLE_GRANTS
        ),
    )


def errors() -> str:
    """Return the table of the errors, and of what to do about each that can be raised."""
    retried = set(retryable_error_names())
    return table(
        ("Error", "Status", "Retried by the state machine", "What it means", "What to do"),
        (
            row(
                f"{'&emsp;' * depth}[{code(error.__name__)}](#{error.__name__.lower()})",
                str(int(error.status)),
                "yes" if error.__name__ in retried else "",
                _first_sentence(error),
                error.remedy.what_to_do({}) if "remedy" in vars(error) else "",
            )
            for depth, error in tree(AuroraRestoreError)
        ),
    )


def _first_sentence(error: type[AuroraRestoreError]) -> str:
    return (error.__doc__ or "").split("\n\n")[0].strip().replace("\n    ", " ")


def platform_failures() -> str:
    """Return the table of the failures that no error class stands for."""
    return table(
        ("Reported as", "What it means", "What to do"),
        (
            row(
                ", ".join(map(code, failure.names)),
                f"{failure.meaning[0].upper()}{failure.meaning[1:]}.",
                failure.remedy.what_to_do({}),
            )
            for failure in (*EXECUTION_FAILURES, *FUNCTION_FAILURES, OTHER_FAILURE)
        ),
    )


def tree(
    base: type[AuroraRestoreError], depth: int = 0
) -> Iterator[tuple[int, type[AuroraRestoreError]]]:
    """Yield an error and all below it, with their depth, in order of declaration."""
    yield depth, base
    for child in base.__subclasses__():
        yield from tree(child, depth + 1)


def statuses() -> str:
    """Return the table of the `statusCode` of answers, with the errors that have it."""
    by_status: dict[HTTPStatus, list[str]] = {status: [] for status in ANSWERS}
    for _, error in tree(AuroraRestoreError):
        if "remedy" in vars(error):  # Every class that is raised declares one.
            by_status.setdefault(error.status, []).append(error.__name__)
    return table(
        ("`statusCode`", "Meaning", "`error_type`"),
        (
            row(code(str(int(status))), ANSWERS[status], _codes(names))
            for status, names in sorted(by_status.items())
        ),
    )


def state_transitions() -> str:
    """Return the table of how many state transitions some runs take, with default polling.

    No copy reports its progress there, so that these are the most.
    """
    return table(
        ("Run", "The first time", "Once its durations are known"),
        (
            row(
                title,
                str(transitions(Polling(), waits, FIRST_RUN)),
                str(transitions(Polling(), waits, LATER_RUN)),
            )
            for title, waits in RUNS.items()
        ),
    )


def prices() -> str:
    """Return the table of the prices that an operation's cost is computed with."""
    return table(
        ("Of", "US dollars", "Unit", "From"),
        (
            row(
                f"`{what}`" if what.startswith("db.") else what,
                f"{price.usd:.10f}".rstrip("0"),
                price.unit,
                f"[AWS]({price.source})",
            )
            for what, price in PRICES.items()
        ),
    )


def measurements() -> str:
    """Return the table of what a self-test measures."""
    return table(
        ("Question", "In the JSON"), (row(each.text, code(each.key)) for each in QUESTIONS)
    )


def environment() -> str:
    """Return a table for each object of an environment file."""
    return sections(Environment, level=3)


def event() -> str:
    """Return the table of the fields of a start event."""
    return plain_table(Event)


def operation_state() -> str:
    """Return the table of the keys of an operation's state."""
    kinds = {field.name: type_name(field.type) for field in fields(OperationState)}
    return table(
        ("Key", "Type", "Written by", "Re-run", "Meaning"),
        (
            row(
                code(name),
                kinds[name],
                key.written_by if key.written_by == EVERY_STEP else ", ".join(map(code, key.steps)),
                "starts without it" if key.of_one_run else "",
                key.meaning,
            )
            for name, key in declared().items()
        ),
    )


def target_record() -> str:
    """Return the table of the attributes of a target record."""
    kinds = {field.name: type_name(field.type) for field in fields(TargetRecord)}
    return table(
        ("Attribute", "Type", "Written by", "Meaning"),
        (
            row(code(name), kinds[name], _codes(attribute.written_by), attribute.meaning)
            for name, attribute in recorded().items()
        ),
    )


CONTENTS: Final[Mapping[str, Callable[[], str]]] = {
    "commands": commands,
    "environment": environment,
    "errors": errors,
    "event": event,
    "exit-codes": exit_codes,
    "functions": functions,
    "global-options": global_options,
    "hook-input": hook_input,
    "hooks": hooks,
    "measurements": measurements,
    "operation-state": operation_state,
    "permissions": permissions,
    "platform-failures": platform_failures,
    "prices": prices,
    "routes": routes,
    "run-event": run_event,
    "source-role": source_role,
    "state-machine": state_machine,
    "statuses": statuses,
    "state-transitions": state_transitions,
    "step-event": step_event,
    "steps": steps,
    "target-record": target_record,
}
