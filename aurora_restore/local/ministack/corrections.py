"""What is changed in MiniStack, and the version for which that was written."""

from collections.abc import Callable
from importlib.metadata import version

from aurora_restore.local.ministack import (
    events,
    functions,
    limits,
    metrics,
    paths,
    published,
    runs,
    starts,
    templates,
)

SUPPORTED_VERSION = "1.5.33"

CORRECTIONS: tuple[Callable[[], None], ...] = (
    functions.python_functions_run_in_a_runtime_of_their_own,
    functions.errors_carry_their_class_name,
    functions.throttled_tasks_say_so,
    functions.dead_letters_are_the_events_themselves,
    runs.executions_know_their_context_and_their_time_limit,
    runs.waits_advance_the_clock_of_their_execution,
    runs.ended_executions_stay_ended,
    runs.scheduled_events_tell_what_is_sent,
    paths.payload_templates_need_what_they_name,
    paths.intrinsic_functions_need_what_they_name,
    paths.input_and_output_paths_need_what_they_name,
    paths.choices_need_what_they_compare,
    paths.waits_take_whole_seconds,
    paths.some_errors_cannot_be_handled,
    starts.starting_twice_under_one_name_is_idempotent,
    starts.aborts_take_effect_at_once,
    starts.executions_tell_whether_they_can_be_redriven,
    starts.failed_executions_can_be_redriven,
    starts.lists_count_redrives,
    events.status_changes_tell_what_is_documented,
    events.rules_invoke_functions_asynchronously,
    events.rules_name_the_executions_they_start,
    templates.references_to_secrets_are_arns,
    templates.generated_secrets_obey_their_rules,
    templates.functions_get_all_of_their_template,
    metrics.ends_are_counted,
    metrics.metrics_embedded_in_logs_are_extracted,
    metrics.alarms_look_at_their_own_dimensions,
    limits.parameters_fit_their_tier,
    limits.subjects_are_short_and_plain,
    limits.function_environments_are_small,
    published.publications_are_kept,
)


class UnsupportedVersionError(RuntimeError):
    """The installed MiniStack is not the one that the corrections were written for."""


def apply() -> None:
    """Applies every correction to the MiniStack modules of this process."""
    installed = version("ministack")
    if installed != SUPPORTED_VERSION:
        raise UnsupportedVersionError(
            f"MiniStack {installed} is installed, but the corrections are written for "
            f"{SUPPORTED_VERSION}; install the pinned requirements-dev.txt"
        )
    for correction in CORRECTIONS:
        correction()
