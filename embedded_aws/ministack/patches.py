"""What is changed in MiniStack, and the version for which that was written."""

from collections.abc import Callable
from importlib.metadata import version

from embedded_aws.ministack import (
    cloudformation,
    cloudwatch,
    databases,
    eventbridge,
    iam,
    networks,
    policies,
    quotas,
    scheduler,
    security_groups,
    sns,
)
from embedded_aws.ministack.awslambda import functions
from embedded_aws.ministack.stepfunctions import data_flow, executions, redrive

SUPPORTED_VERSION = "1.5.33"

PATCHES: tuple[Callable[[], None], ...] = (
    functions.isolate_python_functions,
    functions.report_error_class_names,
    functions.limit_invocations_at_the_same_time,
    functions.report_throttled_tasks,
    functions.send_failed_events_to_dead_letter_queues,
    functions.create_log_groups_as_roles_allow,
    executions.run_executions_with_context_and_timeout,
    executions.scale_waits,
    executions.stop_tasks_of_ended_executions,
    executions.record_parameters_in_scheduled_events,
    data_flow.require_payload_template_paths,
    data_flow.require_intrinsic_function_paths,
    data_flow.require_input_and_output_paths,
    data_flow.require_choice_variables,
    data_flow.require_whole_seconds_in_waits,
    data_flow.prevent_catching_runtime_errors,
    redrive.make_start_execution_idempotent,
    redrive.make_aborts_atomic,
    redrive.describe_redrive_status,
    redrive.support_redrive,
    redrive.list_redrive_counts,
    eventbridge.restrict_status_change_details,
    eventbridge.invoke_functions_of_rules_asynchronously,
    scheduler.validate_schedules,
    scheduler.provision_every_schedule_property,
    scheduler.list_schedules_by_pages,
    scheduler.start_schedules_in_their_time_zones,
    cloudformation.return_secret_arns_for_references,
    cloudformation.apply_generate_secret_string_rules,
    cloudformation.apply_all_function_properties,
    cloudformation.keep_alarms_on_metric_math,
    cloudformation.hold_descriptions_of_stacks_in_progress,
    security_groups.make_security_groups_of_stacks_in_ec2,
    networks.make_networks_of_stacks_in_ec2,
    databases.make_databases_of_stacks_in_rds,
    iam.simulate_every_resource_with_context,
    cloudwatch.count_execution_outcomes,
    cloudwatch.extract_embedded_metrics,
    cloudwatch.match_alarm_dimensions,
    quotas.limit_parameter_sizes,
    quotas.limit_subjects,
    quotas.limit_function_environments,
    policies.limit_role_policies,
    policies.limit_queue_policies,
    sns.record_published_messages,
    sns.list_subscriptions_that_wait,
)


class UnsupportedMiniStackError(RuntimeError):
    """The installed MiniStack is not the one that the patches are written for."""


def apply() -> None:
    """Apply every patch to the MiniStack modules of this process."""
    installed = version("ministack")
    if installed != SUPPORTED_VERSION:
        raise UnsupportedMiniStackError(
            f"MiniStack {installed} is installed, but the patches are written for "
            f"{SUPPORTED_VERSION}; install the pinned requirements-dev.txt"
        )
    for patch in PATCHES:
        patch()
