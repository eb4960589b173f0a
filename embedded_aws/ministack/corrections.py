"""What is changed in MiniStack, and the version for which that was written."""

from collections.abc import Callable
from importlib.metadata import version

from embedded_aws.ministack import cloudformation, cloudwatch, eventbridge, limits, sns
from embedded_aws.ministack.awslambda import functions
from embedded_aws.ministack.stepfunctions import data_flow, executions, redrive

SUPPORTED_VERSION = "1.5.33"

CORRECTIONS: tuple[Callable[[], None], ...] = (
    functions.python_functions_run_in_a_runtime_of_their_own,
    functions.errors_carry_their_class_name,
    functions.throttled_tasks_say_so,
    functions.dead_letters_are_the_events_themselves,
    executions.executions_know_their_context_and_their_time_limit,
    executions.waits_advance_the_clock_of_their_execution,
    executions.ended_executions_stay_ended,
    executions.scheduled_events_tell_what_is_sent,
    data_flow.payload_templates_need_what_they_name,
    data_flow.intrinsic_functions_need_what_they_name,
    data_flow.input_and_output_paths_need_what_they_name,
    data_flow.choices_need_what_they_compare,
    data_flow.waits_take_whole_seconds,
    data_flow.some_errors_cannot_be_handled,
    redrive.starting_twice_under_one_name_is_idempotent,
    redrive.aborts_take_effect_at_once,
    redrive.executions_tell_whether_they_can_be_redriven,
    redrive.failed_executions_can_be_redriven,
    redrive.lists_count_redrives,
    eventbridge.status_changes_tell_what_is_documented,
    eventbridge.rules_invoke_functions_asynchronously,
    eventbridge.rules_name_the_executions_they_start,
    cloudformation.references_to_secrets_are_arns,
    cloudformation.generated_secrets_obey_their_rules,
    cloudformation.functions_get_all_of_their_template,
    cloudwatch.ends_are_counted,
    cloudwatch.metrics_embedded_in_logs_are_extracted,
    cloudwatch.alarms_look_at_their_own_dimensions,
    limits.parameters_fit_their_tier,
    limits.subjects_are_short_and_plain,
    limits.function_environments_are_small,
    sns.publications_are_kept,
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
