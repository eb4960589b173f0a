"""What this emulator takes from AWS: each fact, where it is written, and where it is enforced.

A fact's id is a sentence, and the test that proves it is named after it. What is not enforced is
listed as well, so that the emulator's silence is not mistaken for AWS's behaviour.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_MODEL = "botocore's RDS model"
_GUIDE = "Aurora User Guide"
_COPYING = f"{_GUIDE}, Copying a DB cluster snapshot"
_SHARING = f"{_GUIDE}, Sharing a DB cluster snapshot"
_ENCRYPTING = f"{_GUIDE}, Encrypting Amazon Aurora resources"
_RESTORING = f"{_MODEL}, RestoreDBClusterFromSnapshot"
_STOPPING = f"{_GUIDE}, Stopping and starting an Amazon Aurora DB cluster"
_DELETING = f"{_GUIDE}, Deleting Aurora DB clusters and DB instances"
_STATUS = f"{_GUIDE}, Viewing DB cluster status"
_LIMITS = f"{_GUIDE}, Quotas and constraints"
_CRON = f"{_GUIDE}, Scheduling maintenance with the PostgreSQL pg_cron extension"
_CRON_SOURCE = "the source of pg_cron 1.6, job_metadata.c and pg_cron.sql"
_TRIGGERS_OFF = "documentation of pgstream, AWS: only rds_superuser switches triggers off"
_REPLICATION = f"{_GUIDE}, Using PostgreSQL logical replication with Aurora"
_ENDPOINTS = f"{_GUIDE}, Amazon Aurora endpoint connections"
_CUSTOM = f"{_GUIDE}, Custom endpoints for Amazon Aurora"
_PROXIES = f"{_GUIDE}, Amazon RDS Proxy for Aurora"
_EXTENSIONS = "Release Notes for Aurora PostgreSQL, Extension versions"
_ROLES = f"{_GUIDE}, Understanding PostgreSQL roles and permissions"
_GROUPS = f"{_GUIDE}, Controlling access with security groups"
_TRACKING = "Amazon EC2 User Guide, Security group connection tracking"
_REPORTED = "error messages in public issue trackers"
_RENAMING = "not documented; scripts of users agree on it, or must expect it"
_OWN = "this emulator's own promise"


@dataclass(frozen=True)
class Fact:
    """One thing that AWS does."""

    id: str
    source: str
    where: str
    """The module that enforces it, or why nothing does."""
    enforced: bool = True
    topic: str = ""

    @property
    def sentence(self) -> str:
        """The fact in words."""
        text = self.id.replace("_", " ")
        for plain, spelt in _SPELLING:
            text = text.replace(plain, spelt)
        return text[0].upper() + text[1:] + "."


_SPELLING = (
    ("another regions snapshot", "another Region's snapshot"),
    ("the regions default", "the Region's default"),
    ("regions", "Regions"),
    ("region", "Region"),
    ("copys ", "copy's "),
    ("restores key", "restore's key"),
    ("snapshots name", "snapshot's name"),
    ("snapshots key", "snapshot's key"),
    ("not the snapshots", "not the snapshot's"),
    ("clusters name", "cluster's name"),
    ("clusters port", "cluster's port"),
    ("the clusters tags", "the cluster's tags"),
    ("the clusters s", "the cluster's s"),
    ("clusters instances and", "clusters, instances and"),
    ("subnet groups vpc", "subnet group's VPC"),
    ("source accounts key", "source account's key"),
    ("replaces the sources", "replaces the source's"),
    ("replicas last", "replica's last"),
    ("rows roles and", "rows, roles and"),
    ("letters digits spaces and", "letters, digits, spaces and"),
    ("letters digits and", "letters, digits and"),
    ("slash quote at", "slash, quote or at sign"),
    ("integrated deployed or", "integrated, deployed or"),
    ("proxys", "proxy's"),
    ("name type and", "name, type and"),
    ("data api", "Data API"),
    ("pending then reset and", "pending, then reset, and"),
    ("no change no other name and", "no change, no other name and"),
    ("id arn or alias", "ID, ARN or alias"),
    ("id or arn", "ID or ARN"),
    ("name arn and", "name, ARN and"),
    (" arn", " ARN"),
    (" id ", " ID "),
    ("account ids", "account IDs"),
    ("aws owned", "AWS-owned"),
    ("prefix aws", "prefix aws:"),
    ("rds iam", "rds_iam"),
    ("rds superuser", "rds_superuser"),
    ("roles of rds", "roles of RDS"),
    ("iam token", "IAM token"),
    ("iam permissions", "IAM permissions"),
    ("admin option", "ADMIN OPTION"),
    ("apply immediately", "ApplyImmediately"),
    ("postgresql", "PostgreSQL"),
    ("the api", "the API"),
    ("tls", "TLS"),
    ("scram", "SCRAM"),
    ("pg stat ssl", "pg_stat_ssl"),
    ("TLS 1 3", "TLS 1.3"),
    ("of aurora", "of Aurora"),
    ("of pam", "of PAM"),
    ("pg cron", "pg_cron"),
    ("rds replication", "rds_replication"),
    ("writers instance", "writer's instance"),
    ("the vpc", "the VPC"),
    ("no vpc", "no VPC"),
    ("of a vpc", "of a VPC"),
    ("every vpc", "every VPC"),
    ("ipv6", "IPv6"),
)

_SECURITY = (
    ("a_connection_is_let_in_only_by_a_rule_of_a_group_of_the_cluster", _GROUPS),
    (
        "a_function_has_the_groups_of_its_configuration",
        "AWS Lambda Developer Guide, Giving Lambda functions access to resources in a VPC",
    ),
    (
        "a_function_that_is_attached_to_no_vpc_reaches_no_cluster",
        f"{_GUIDE}, Working with a DB cluster in a VPC",
    ),
    ("outbound_rules_apply_where_a_cluster_acts_as_a_client", _GROUPS),
    ("outbound_rules_apply_to_the_workers_of_subscriptions", _GROUPS),
    ("outbound_rules_apply_from_the_first_moment_of_a_restored_cluster", _GROUPS),
    ("a_change_of_groups_interrupts_no_connection", _TRACKING),
    (
        "other_groups_are_shown_as_active_only_once_they_are_in_force",
        f"{_MODEL}, VpcSecurityGroupMembership",
    ),
    ("a_group_that_does_not_exist_is_not_attached", _REPORTED),
)

_COPIES = (
    ("at_most_five_copies_are_in_progress_per_destination_region_and_account", _COPYING),
    ("a_copy_beyond_the_limit_is_refused_with_the_code_of_too_many_snapshots", _REPORTED),
    ("a_queued_copy_starts_when_another_ends_even_without_a_request", _COPYING),
    ("a_failed_copy_frees_its_place_in_the_queue", _COPYING),
    ("a_copy_is_made_in_the_region_that_is_called", f"{_MODEL}, CopyDBClusterSnapshot"),
    ("another_regions_snapshot_is_named_by_arn", f"{_MODEL}, CopyDBClusterSnapshot"),
    ("a_shared_snapshot_is_copied_across_accounts_and_regions_in_one_step", _COPYING),
    ("a_snapshot_of_another_account_that_is_not_shared_is_not_found", _SHARING),
    ("a_public_snapshot_is_copied_by_anyone", _SHARING),
    ("only_an_available_snapshot_is_copied", f"{_MODEL}, CopyDBClusterSnapshot"),
    ("an_automated_snapshot_is_copied_to_a_manual_one", _SHARING),
    (
        "a_copys_name_begins_with_a_letter_and_has_single_hyphens_only",
        f"{_MODEL}, TargetDBClusterSnapshotIdentifier",
    ),
    (
        "a_copys_name_is_stored_in_lower_case_and_must_be_free",
        f"{_MODEL}, TargetDBClusterSnapshotIdentifier",
    ),
    ("tags_are_copied_only_if_asked_for", f"{_MODEL}, CopyTags"),
    ("an_encrypted_snapshot_keeps_its_key_within_account_and_region", f"{_MODEL}, KmsKeyId"),
    ("an_encrypted_copy_to_another_region_needs_a_key_of_that_region", f"{_MODEL}, KmsKeyId"),
    ("an_encrypted_copy_of_a_shared_snapshot_needs_a_key", f"{_MODEL}, KmsKeyId"),
    ("an_unencrypted_snapshot_is_not_copied_with_a_key", f"{_MODEL}, KmsKeyId"),
    ("a_snapshot_under_the_aws_owned_key_counts_as_unencrypted", _ENCRYPTING),
    ("a_copys_key_must_exist_and_be_enabled", f"{_MODEL}, KMSKeyNotAccessibleFault"),
    ("a_key_is_named_by_id_arn_or_alias", f"{_MODEL}, KmsKeyId"),
    ("the_source_key_must_let_the_copying_account_use_it", _SHARING),
    ("a_grant_lets_another_account_use_the_source_key", "AWS KMS Developer Guide, Grants"),
    ("a_copy_in_progress_is_cancelled_by_deleting_it", _COPYING),
    ("a_finished_copy_does_not_need_its_source_any_more", _COPYING),
    ("copies_count_against_the_quota_of_manual_snapshots", _LIMITS),
    ("a_copy_can_fail_and_keeps_the_progress_it_had", f"{_MODEL}, waiters"),
)
_SNAPSHOTS = (
    ("a_snapshot_takes_time_and_shows_its_progress", f"{_MODEL}, PercentProgress"),
    ("a_snapshot_shows_what_a_restore_must_know", f"{_MODEL}, DBClusterSnapshot"),
    ("an_automated_snapshot_is_named_after_cluster_and_time", f"{_GUIDE}, ARNs in Amazon RDS"),
    ("a_snapshot_is_taken_of_an_available_cluster_only", f"{_MODEL}, CreateDBClusterSnapshot"),
    ("a_snapshots_name_must_be_free", f"{_MODEL}, CreateDBClusterSnapshot"),
    ("manual_snapshots_have_a_quota_and_automated_ones_do_not_count", _LIMITS),
    (
        "the_clusters_tags_go_to_the_snapshot_if_it_says_so_and_none_are_given",
        f"{_MODEL}, CopyTagsToSnapshot",
    ),
    ("an_automated_snapshot_cannot_be_shared", _SHARING),
    ("an_automated_snapshot_cannot_be_deleted", _REPORTED),
    ("sharing_is_shown_and_taken_back", f"{_MODEL}, ModifyDBClusterSnapshotAttribute"),
    ("sharing_takes_account_ids_or_all", f"{_MODEL}, ModifyDBClusterSnapshotAttribute"),
    ("a_snapshot_is_shared_with_at_most_twenty_accounts", _SHARING),
    ("an_encrypted_snapshot_cannot_be_made_public", f"{_MODEL}, ModifyDBClusterSnapshotAttribute"),
    ("a_snapshot_under_the_default_key_cannot_be_shared", _SHARING),
    ("a_shared_snapshot_is_listed_only_on_request", f"{_MODEL}, IncludeShared"),
    ("a_shared_snapshot_is_described_by_its_arn", _SHARING),
    ("a_public_snapshot_is_listed_only_on_request", f"{_MODEL}, IncludePublic"),
    (
        "describing_an_automated_snapshot_by_id_needs_its_type",
        f"{_MODEL}, DBClusterSnapshotIdentifier",
    ),
    (
        "snapshots_of_a_cluster_are_found_by_its_id_while_it_exists",
        f"{_MODEL}, DBClusterIdentifier",
    ),
    (
        "a_cluster_filter_finds_snapshots_of_deleted_clusters_by_id_or_arn",
        f"{_MODEL}, Filters",
    ),
    (
        "cluster_and_snapshot_id_exclude_each_other_when_describing",
        f"{_MODEL}, DescribeDBClusterSnapshots",
    ),
    ("an_unknown_filter_is_refused", f"{_MODEL}, Filters"),
    (
        "a_type_without_a_filter_shows_own_manual_and_automated_snapshots",
        f"{_MODEL}, SnapshotType",
    ),
    ("lists_come_in_pages_of_twenty_to_a_hundred", f"{_MODEL}, MaxRecords"),
    ("a_page_is_neither_lost_nor_repeated_when_the_list_changes", f"{_MODEL}, Marker"),
    ("a_snapshot_in_creation_cannot_be_deleted_yet", f"{_MODEL}, DeleteDBClusterSnapshot"),
    ("only_the_owner_deletes_a_snapshot", _SHARING),
    ("a_deleted_snapshot_is_gone_immediately", f"{_MODEL}, DeleteDBClusterSnapshot"),
)
_RESTORES = (
    ("a_restore_takes_time", _RESTORING),
    ("a_restore_passes_through_the_documented_statuses", _STATUS),
    ("a_restore_makes_no_instances", _RESTORING),
    ("a_restored_cluster_keeps_master_user_and_password", _RESTORING),
    ("a_restored_cluster_has_no_managed_secret", _REPORTED),
    ("omitted_settings_take_defaults_and_not_the_snapshots", _RESTORING),
    ("omitted_port_and_backup_settings_are_the_originals", _RESTORING),
    ("an_omitted_engine_version_is_the_regions_default", _RESTORING),
    ("given_settings_are_taken_and_shown", _RESTORING),
    ("a_restore_needs_a_free_name", f"{_GUIDE}, Restoring from a DB cluster snapshot"),
    ("a_restore_needs_an_available_snapshot", _RESTORING),
    ("a_restore_reads_a_snapshot_of_its_own_region_only", _RESTORING),
    ("a_restore_refers_to_existing_groups_only", _RESTORING),
    ("a_security_group_must_be_in_the_subnet_groups_vpc", _REPORTED),
    ("a_refused_restore_leaves_nothing_behind", _OWN),
    ("an_encrypted_snapshot_restores_under_its_own_key_or_another", _RESTORING),
    (
        "an_unencrypted_snapshot_restores_under_the_aws_owned_key_or_a_given_one",
        _ENCRYPTING,
    ),
    ("a_restores_key_must_be_of_the_region_and_enabled", _RESTORING),
    ("a_restore_needs_the_snapshots_key_to_be_enabled", _ENCRYPTING),
    ("a_shared_snapshot_is_restored_directly_under_the_source_accounts_key", _SHARING),
    ("a_restore_can_fail_and_its_cluster_can_then_be_deleted", _STATUS),
    (
        "a_restore_does_not_go_back_in_major_versions",
        f"{_GUIDE}, Restoring from a DB cluster snapshot",
    ),
    ("a_restore_survives_the_deletion_of_its_snapshot", _RESTORING),
    ("serverless_capacity_goes_in_halves_from_0_to_256", f"{_GUIDE}, Using Aurora Serverless v2"),
)
_CLUSTERS = (
    ("a_new_cluster_takes_time_and_has_no_instances", f"{_MODEL}, CreateDBCluster"),
    ("a_cluster_shows_every_setting_it_was_given", f"{_MODEL}, DBCluster"),
    ("a_clusters_name_must_be_free_and_within_the_quota", _LIMITS),
    (
        "a_master_password_has_8_to_41_printable_letters_without_slash_quote_at",
        f"{_MODEL}, MasterUserPassword",
    ),
    (
        "a_master_username_is_no_reserved_word_and_begins_with_a_letter",
        f"{_MODEL}, MasterUsername",
    ),
    ("storage_without_a_key_is_encrypted_under_the_aws_owned_key", _ENCRYPTING),
    ("storage_encrypted_without_a_key_uses_the_default_key", f"{_MODEL}, KmsKeyId"),
    ("a_parameter_that_is_not_modelled_is_refused", _OWN),
    ("a_stopped_cluster_must_be_started_before_it_is_deleted", _DELETING),
    ("a_cluster_whose_key_is_disabled_becomes_inaccessible_until_it_is_started", _STATUS),
    ("roles_are_associated_and_removed", f"{_MODEL}, AddRoleToDBCluster"),
    ("a_cluster_has_at_most_five_roles", _LIMITS),
    ("clusters_instances_and_snapshots_are_tagged_by_arn", f"{_MODEL}, AddTagsToResource"),
    ("tags_are_not_set_by_name_nor_under_the_prefix_aws", f"{_MODEL}, Tag"),
    ("a_tag_has_only_letters_digits_spaces_and_few_signs", f"{_MODEL}, Tag"),
)
_INSTANCES = (
    ("an_instance_is_refused_until_the_cluster_is_available", _RESTORING),
    ("an_instance_takes_time_and_has_an_endpoint_only_then", f"{_MODEL}, CreateDBInstance"),
    (
        "a_cluster_accepts_connections_only_with_an_available_instance",
        f"{_GUIDE}, Amazon Aurora DB clusters",
    ),
    (
        "the_first_instance_is_the_writer_and_promotion_tiers_choose_the_next",
        f"{_GUIDE}, Fault tolerance for an Aurora DB cluster",
    ),
    ("a_serverless_instance_needs_the_clusters_scaling_configuration", _REPORTED),
    ("an_instance_does_not_take_the_clusters_settings", _REPORTED),
    ("an_instance_shows_every_setting_it_was_given", f"{_MODEL}, DBInstance"),
    ("an_instance_agrees_with_its_cluster", f"{_MODEL}, CreateDBInstance"),
    ("an_instance_needs_an_existing_cluster_group_and_a_free_name", f"{_MODEL}, CreateDBInstance"),
    (
        "the_key_of_performance_insights_must_be_usable",
        f"{_MODEL}, CreateDBInstance, KMSKeyNotAccessibleFault",
    ),
    (
        "performance_insights_use_the_default_key_if_none_is_named",
        f"{_MODEL}, PerformanceInsightsKMSKeyId",
    ),
    ("instances_have_a_quota", _LIMITS),
    (
        "a_class_on_offer_may_have_no_capacity_at_the_moment",
        f"{_MODEL}, InsufficientDBInstanceCapacityFault",
    ),
    ("an_instance_can_end_in_a_terminal_status", f"{_GUIDE}, Viewing DB instance status"),
    ("a_class_change_waits_for_the_window_unless_immediate", f"{_MODEL}, ModifyDBInstance"),
    ("a_reboot_interrupts_connections", f"{_GUIDE}, Rebooting an Aurora DB cluster or instance"),
)
_STOPS = (
    ("a_cluster_stops_and_starts_with_its_instances", _STOPPING),
    (
        "only_an_available_cluster_is_stopped_and_only_a_stopped_one_started",
        f"{_MODEL}, InvalidDBClusterStateFault",
    ),
    (
        "a_cluster_is_not_stopped_while_an_instance_or_itself_is_being_changed",
        f"{_MODEL}, StopDBCluster, InvalidDBInstanceState",
    ),
    (
        "a_member_of_a_global_cluster_and_a_source_of_replicas_are_not_stopped",
        f"{_STOPPING}, Limitations",
    ),
    (
        "a_stopped_cluster_takes_no_change_no_other_name_and_no_instance_more_or_less",
        f"{_STOPPING}, Operations you can perform while it is stopped",
    ),
    ("a_stopped_cluster_starts_by_itself_after_seven_days", _STOPPING),
    (
        "a_cluster_is_started_only_if_its_key_is_usable",
        f"{_MODEL}, StartDBCluster, KMSKeyNotAccessibleFault",
    ),
    ("stopping_and_starting_may_take_any_time", _OWN),
)
_BESIDE = (
    (
        "the_subnet_group_decides_which_network_types_a_cluster_can_have",
        f"{_MODEL}, NetworkType and SupportedNetworkTypes",
    ),
    ("a_custom_endpoint_leads_to_members_of_its_cluster", f"{_MODEL}, CreateDBClusterEndpoint"),
    ("the_name_of_a_custom_endpoint_is_free_only_once_that_is_gone", _CUSTOM),
    ("a_cluster_has_at_most_five_custom_endpoints", _LIMITS),
    (
        "custom_endpoints_are_found_by_their_own_name_type_and_status",
        f"{_MODEL}, DescribeDBClusterEndpoints, Filters",
    ),
    ("custom_endpoints_go_with_their_cluster", _ENDPOINTS),
    (
        "the_data_api_of_a_provisioned_cluster_has_operations_of_its_own",
        f"{_MODEL}, EnableHttpEndpoint",
    ),
    ("an_activity_stream_belongs_to_a_cluster", f"{_MODEL}, StartActivityStream"),
    ("a_restore_brings_nothing_that_was_beside_the_cluster", f"{_RESTORING}, what it lacks"),
)
_ENGAGEMENTS = (
    (
        "what_is_integrated_deployed_or_shared_is_not_renamed",
        f"{_GUIDE}, Zero-ETL integrations; Blue/Green Deployments; Cross-account cloning",
    ),
    (
        "a_member_of_a_global_cluster_is_not_renamed",
        f"{_MODEL}, ModifyDBCluster, InvalidGlobalClusterStateFault",
    ),
    (
        "integrations_are_listed_with_the_arn_of_their_source_and_without_filters",
        f"{_MODEL}, DescribeIntegrations, which names no filter",
    ),
    ("a_cluster_with_an_integration_is_not_deleted", f"{_GUIDE}, Zero-ETL integrations"),
    (
        "a_deployment_is_found_by_the_arn_of_its_source_or_of_its_target",
        f"{_MODEL}, DescribeBlueGreenDeployments, Filters",
    ),
    (
        "a_shared_cluster_has_an_association_with_a_resource_share",
        "botocore's RAM model, GetResourceShareAssociations",
    ),
)
_FOLLOWING = (
    ("a_proxy_tracks_one_cluster_and_its_instances", f"{_PROXIES}, Modifying an RDS Proxy"),
    (
        "a_proxys_target_is_registering_for_a_while_and_available_while_it_accepts_clients",
        f"{_MODEL}, TargetHealth",
    ),
    (
        "another_cluster_is_registered_with_a_proxy_once_the_former_one_is_deregistered",
        f"{_PROXIES}, Modifying an RDS Proxy",
    ),
    (
        "a_proxy_follows_the_renamed_cluster_or_the_name_that_was_registered",
        "not documented; either may be arranged",
    ),
    (
        "the_secrets_that_a_proxy_logs_in_with_are_replaced_as_a_whole",
        f"{_MODEL}, ModifyDBProxyRequest, Auth",
    ),
    (
        "a_deleted_cluster_is_no_target_of_a_proxy_any_more",
        f"{_PROXIES}, events, RDS-EVENT-0215",
    ),
    ("a_custom_endpoint_stays_with_its_cluster_through_renames", _CUSTOM),
    (
        "the_auto_scaling_of_readers_is_that_of_a_name",
        "botocore's model of Application Auto Scaling, ResourceId",
    ),
    (
        "the_data_api_answers_for_an_available_cluster_that_has_it_turned_on",
        "botocore's RDS Data model, HttpEndpointNotEnabledException",
    ),
    (
        "the_data_api_of_a_renamed_cluster_is_shown_and_answers_once_it_was_off_and_on",
        f"{_GUIDE}, Troubleshooting Amazon RDS Data API issues",
    ),
    (
        "the_snapshots_of_a_renamed_cluster_keep_its_former_name_or_show_the_new_one",
        "not documented; either may be arranged",
    ),
)
_DELETIONS = (
    ("an_instance_is_deleting_for_a_while_and_then_not_found", f"{_MODEL}, DeleteDBInstance"),
    ("a_cluster_instance_has_no_final_snapshot", _REPORTED),
    (
        "deletion_protection_guards_the_cluster_but_not_its_instances",
        f"{_MODEL}, DeletionProtection",
    ),
    ("a_cluster_is_not_deleted_while_an_instance_is_not_at_least_deleting", _DELETING),
    ("the_accepted_deletion_still_shows_available", f"{_MODEL}, DeleteDBCluster, examples"),
    (
        "a_cluster_that_is_being_deleted_may_stay_available_for_long",
        "AWS CLI, examples of delete-db-cluster",
    ),
    ("a_cluster_is_gone_only_after_its_last_instance", _DELETING),
    ("a_final_snapshot_is_required_unless_it_is_skipped", f"{_MODEL}, SkipFinalSnapshot"),
    ("a_final_snapshot_is_made_and_can_be_restored", f"{_MODEL}, FinalDBSnapshotIdentifier"),
    ("a_final_snapshots_name_must_be_free_and_within_the_quota", f"{_MODEL}, DeleteDBCluster"),
    (
        "automated_backups_go_with_the_cluster_unless_they_are_kept",
        f"{_MODEL}, DeleteAutomatedBackups",
    ),
    ("the_same_name_can_be_used_again_once_the_cluster_is_gone", _DELETING),
    (
        "a_managed_secret_is_deleted_with_its_cluster",
        f"{_GUIDE}, Password management with AWS Secrets Manager",
    ),
    ("a_member_of_a_global_cluster_is_not_deleted_before_it_is_removed", _REPORTED),
    ("the_primary_leaves_a_global_cluster_last", _REPORTED),
    (
        "a_read_replicas_last_instance_is_not_deleted_before_promotion",
        f"{_MODEL}, DeleteDBInstance",
    ),
)
_CHANGES = (
    ("a_new_master_password_is_pending_then_reset_and_then_true", _STATUS),
    (
        "a_new_master_password_does_not_wait_for_the_maintenance_window",
        f"{_MODEL}, ApplyImmediately",
    ),
    ("without_an_instance_a_new_master_password_stays_pending", _REPORTED),
    (
        "a_managed_secret_is_being_created_until_its_password_is_set",
        f"{_MODEL}, MasterUserSecret, SecretStatus",
    ),
    (
        "a_managed_secret_has_the_key_that_was_asked_for_or_secrets_managers_own_and_keeps_it",
        f"{_MODEL}, MasterUserSecretKmsKeyId",
    ),
    ("a_change_is_refused_unless_the_cluster_is_available", f"{_MODEL}, ModifyDBCluster"),
    (
        "without_apply_immediately_changes_wait_for_the_maintenance_window",
        f"{_MODEL}, ApplyImmediately and ClusterPendingModifiedValues",
    ),
    ("what_cannot_be_pending_is_changed_immediately", f"{_MODEL}, ClusterPendingModifiedValues"),
    (
        "a_rename_changes_name_arn_and_endpoint_after_a_while",
        f"{_GUIDE}, Modifying an Amazon Aurora DB cluster",
    ),
    ("a_rename_needs_a_free_name", f"{_MODEL}, ModifyDBCluster"),
    ("a_name_that_a_rename_has_promised_is_not_free", f"{_MODEL}, ModifyDBCluster"),
    (
        "during_a_rename_the_former_name_shows_the_status_before_then_renaming_and_is_then_unknown",
        _RENAMING,
    ),
    ("between_two_names_a_cluster_is_found_by_its_resource_id_or_not_at_all", _RENAMING),
    ("a_former_name_may_stay_taken_for_a_while", _RENAMING),
    ("a_cluster_has_its_former_name_back_while_that_is_taken_for_others_or_not", _RENAMING),
    ("a_rename_may_fail_and_leave_the_name_as_it_was", _RENAMING),
    (
        "a_name_is_the_same_host_whichever_cluster_has_it",
        f"{_GUIDE}, Custom endpoints: the customer DNS identifier",
    ),
    (
        "an_instances_endpoint_outlives_a_rename_of_its_cluster",
        f"{_GUIDE}, Modifying an Amazon Aurora DB cluster",
    ),
    ("a_major_upgrade_must_be_allowed", f"{_MODEL}, AllowMajorVersionUpgrade"),
    ("a_change_during_another_follows_it", _OWN),
)
_DATA = (
    (
        "rows_roles_and_passwords_travel_with_a_daily_snapshot_to_another_region",
        f"{_GUIDE}, Backing up and restoring",
    ),
    ("a_shared_snapshot_brings_its_rows_into_another_account", _SHARING),
    (
        "a_cluster_without_an_available_instance_refuses_connections",
        f"{_GUIDE}, Amazon Aurora DB clusters",
    ),
    ("rows_outlive_the_last_instance", f"{_GUIDE}, Amazon Aurora DB clusters"),
    ("a_snapshot_is_consistent_while_rows_are_written", f"{_GUIDE}, Backing up and restoring"),
    ("a_new_master_password_replaces_the_sources", f"{_MODEL}, ModifyDBCluster"),
    (
        "a_managed_master_password_is_the_one_in_the_secret",
        f"{_GUIDE}, Password management with AWS Secrets Manager",
    ),
    ("the_master_user_is_no_superuser_but_may_create_roles_and_databases", _ROLES),
    ("the_roles_of_rds_exist_and_the_master_user_may_grant_them", _ROLES),
    ("reassigning_needs_membership_in_both_roles", "PostgreSQL manual, REASSIGN OWNED"),
    (
        "a_user_with_rds_iam_is_refused_a_login_by_password",
        f"{_GUIDE}, IAM database authentication",
    ),
    (
        "a_user_with_rds_iam_is_refused_a_login_by_password_in_every_version",
        f"{_GUIDE}, IAM database authentication",
    ),
    ("rdsadmin_does_not_log_in_over_the_network", _ROLES),
    ("the_database_rdsadmin_is_closed_to_others", _ROLES),
    ("the_engine_runs_the_major_version_of_the_cluster", f"{_MODEL}, EngineVersion"),
    ("a_snapshot_keeps_its_major_version", f"{_MODEL}, DBClusterSnapshot.EngineVersion"),
    ("a_version_without_a_server_here_is_refused_with_what_to_do", _OWN),
    ("extensions_of_aurora_are_created_by_the_master_user_and_owned_by_rdsadmin", _EXTENSIONS),
    ("active_jobs_of_pg_cron_run_as_their_user_in_their_database", _CRON),
    ("a_restored_cluster_runs_the_jobs_that_the_snapshot_holds", _CRON),
    ("a_job_belongs_to_its_user_and_the_schema_cron_to_rdsadmin", _CRON),
    ("a_job_is_seen_by_its_user_alone_and_unscheduled_by_others_who_may_delete", _CRON_SOURCE),
    ("without_its_library_pg_cron_refuses_every_change_but_a_replicas", _CRON_SOURCE),
    ("the_worker_of_pg_cron_learns_of_a_change_by_a_trigger", _CRON_SOURCE),
    ("a_member_of_rds_superuser_sets_session_replication_role", _TRIGGERS_OFF),
    (
        "the_master_user_manages_subscriptions_and_publishes_with_logical_replication",
        _REPLICATION,
    ),
    ("a_member_of_rds_replication_manages_slots_and_others_do_not", _REPLICATION),
    ("a_reader_has_sessions_of_its_own_and_follows_the_writer", _ENDPOINTS),
    ("after_a_failover_the_former_writers_instance_is_a_reader", _ENDPOINTS),
    ("a_connection_without_tls_is_refused", f"{_GUIDE}, rds.force_ssl"),
    ("tls_1_3_is_spoken_by_the_server_itself_and_shows_in_pg_stat_ssl", "PostgreSQL manual"),
    (
        "the_certificate_is_of_the_local_authority_and_names_the_host",
        f"{_GUIDE}, Using SSL/TLS to encrypt a connection",
    ),
    (
        "after_a_rename_the_former_endpoint_leads_nowhere_and_sessions_go_on",
        f"{_GUIDE}, Modifying an Amazon Aurora DB cluster",
    ),
    (
        "a_certificate_names_the_cluster_as_it_was_called_until_it_has_stopped_and_started",
        f"{_GUIDE}, Modifying an Amazon Aurora DB cluster",
    ),
    ("a_reboot_renews_the_certificate_only_where_that_is_arranged", _OWN),
    ("a_rename_ends_sessions_only_where_that_is_arranged", _OWN),
    ("a_wrong_password_is_refused_as_postgresql_does", "PostgreSQL manual, Error codes"),
    ("large_results_and_parameters_pass_through_tls", _OWN),
    ("a_running_statement_is_cancelled_by_a_session_of_the_master_user", _ROLES),
    ("the_postgresql_log_shows_statements_and_no_master_password", _OWN),
    ("a_stopped_cluster_ends_its_connections", f"{_GUIDE}, Stopping and starting a cluster"),
    ("a_deleted_clusters_port_is_closed_and_its_rows_are_gone", _DELETING),
    ("a_final_snapshot_holds_the_last_rows", _DELETING),
)
_ACCOUNTS = (
    ("the_account_and_region_of_a_call_come_from_its_signature", "AWS Signature Version 4"),
    ("the_quotas_of_an_account_are_shown_with_their_usage", f"{_MODEL}, AccountQuota"),
    (
        "the_orderable_instance_classes_are_shown",
        f"{_GUIDE}, Supported DB engines for DB instance classes",
    ),
    (
        "a_subnet_shows_how_many_of_its_addresses_are_free",
        "Amazon EC2 API Reference, Subnet, AvailableIpAddressCount",
    ),
    (
        "the_name_of_a_session_has_2_to_64_letters_digits_and_few_signs",
        "botocore's STS model, roleSessionNameType",
    ),
    (
        "a_key_of_another_account_is_described_if_its_policy_allows_that",
        "KMS Developer Guide, Allowing users in other accounts to use a KMS key",
    ),
)
_NOT_ENFORCED = (
    (
        "time_passes_for_a_client_of_the_database_without_a_call_of_the_api",
        _OWN,
        "statuses and servers catch up with time at the next call of the API or the admin API",
    ),
    (
        "iam_permissions_decide_who_may_call_what",
        "Service Authorization Reference",
        "any caller may call anything in its account; the policies are judged elsewhere",
    ),
    (
        "a_login_with_an_iam_token_is_accepted_where_it_is_enabled",
        f"{_GUIDE}, IAM database authentication",
        "no tokens: a user with rds_iam cannot log in at all",
    ),
    (
        "the_engine_runs_the_minor_version_of_the_cluster",
        _OWN,
        "EngineVersion decides the major version; each has one build (15.18, 16.14, 17.10, 18.4)",
    ),
    (
        "a_restore_or_a_change_to_another_major_version_upgrades_the_data",
        f"{_GUIDE}, Upgrading Amazon Aurora PostgreSQL DB clusters",
        "the builds have no pg_upgrade: such a restore is refused, and a changed cluster shows the "
        "new version while its server stays what it was",
    ),
    (
        "a_member_of_rds_superuser_grants_roles_without_admin_option",
        _ROLES,
        "PostgreSQL 16 and newer want ADMIN OPTION; the emulator is stricter than Aurora",
    ),
    (
        "a_user_with_rds_iam_is_refused_with_the_message_of_pam_in_every_version",
        f"{_GUIDE}, IAM database authentication",
        "before 17 the message is that of pg_hba.conf, and in 16 the master user, when it has "
        "rds_iam, still logs in by password",
    ),
    (
        "the_servers_have_all_the_extensions_and_languages_of_aurora",
        _EXTENSIONS,
        "the builds lack PostGIS, pgvector, pg_partman, pglogical, aws_s3, aws_lambda and others "
        "of AWS; PL/Perl and PL/Tcl cannot be loaded; pageinspect's functions want a superuser; "
        "any role that may create objects in a database may create an extension",
    ),
    (
        "jobs_of_pg_cron_are_run_by_a_worker_of_the_server",
        _CRON,
        "by the emulator, each second; the library counts as preloaded unless "
        "embedded.pg_cron_preloaded is off in the database postgres, and cron.* has no parameters",
    ),
    (
        "only_members_of_rds_replication_have_the_right_to_stream_and_no_attribute_shows_it",
        _REPLICATION,
        "with rds.logical_replication they have the attribute REPLICATION "
        "once anybody has connected",
    ),
    (
        "a_subscription_of_the_master_user_needs_no_password_in_its_connection",
        "not documented",
        "since PostgreSQL 16 it does, as for everyone who is no superuser",
    ),
    (
        "a_reader_shares_the_storage_of_the_writer",
        _ENDPOINTS,
        "a reader is a standby that follows by streaming replication",
    ),
    (
        "an_instance_keeps_its_endpoint_through_a_failover_and_sessions_end",
        _ENDPOINTS,
        "the server that writes stays the same, and the instances swap their ports",
    ),
    (
        "endpoints_have_names_that_resolve_within_the_vpc_only",
        _ENDPOINTS,
        "a loopback address and a port for each name, which the certificate names, and localhost "
        "for an instance; without root no name can be made known to PostgreSQL's own client "
        "library; where there is only one loopback address every name is localhost",
    ),
    (
        "the_endpoint_listens_on_the_port_that_was_asked_for",
        f"{_MODEL}, Port",
        "each name of a cluster has a free port of its own, which Port shows",
    ),
    (
        "what_a_security_group_does_not_allow_is_dropped_and_the_client_waits_in_vain",
        _GROUPS,
        "such a connection is reset immediately",
    ),
    (
        "outbound_rules_apply_to_every_connection_of_a_cluster",
        _GROUPS,
        "only to those to other clusters of the emulator: a server of this machine that is none of "
        "them is reached directly, past the network, and nothing here stops that",
    ),
    (
        "every_host_of_a_vpc_has_an_address_of_its_own_and_routes_lead_there",
        "Amazon VPC User Guide, How Amazon VPC works",
        "all in a subnet have its first free address, every VPC is connected to every other one, "
        "and a process of this machine that is neither a function nor a server is a host in the "
        "cluster's subnet without security groups",
    ),
    (
        "an_instance_takes_an_address_of_its_subnet_and_is_refused_where_none_is_free",
        f"{_GUIDE}, Working with a DB cluster in a VPC",
        "instances have no network interfaces; a test takes addresses with interfaces of its own",
    ),
    (
        "a_security_group_can_name_addresses_of_ipv6_and_prefix_lists",
        "Amazon VPC User Guide, Security group rules",
        "such rules let nobody in or out",
    ),
    (
        "untracked_connections_end_when_their_rule_does",
        _TRACKING,
        "every connection goes on until one of its ends closes it",
    ),
    (
        "parameter_groups_change_the_server",
        f"{_GUIDE}, Working with parameter groups",
        "only rds.logical_replication does; the rest is kept and shown",
    ),
    (
        "subnet_and_parameter_groups_in_use_cannot_be_deleted",
        f"{_MODEL}, InvalidDBSubnetGroupStateFault",
        "moto keeps these groups and deletes them",
    ),
    (
        "automated_snapshots_are_taken_daily_and_expire_after_the_retention_period",
        f"{_GUIDE}, Backing up and restoring",
        "a test takes them, at the time it wants; nothing expires",
    ),
    (
        "the_maintenance_window_applies_what_is_pending",
        f"{_MODEL}, PreferredMaintenanceWindow",
        "only when a test runs the window",
    ),
    (
        "a_global_database_and_a_replica_receive_later_changes",
        f"{_GUIDE}, Using Aurora Global Database",
        "rows are copied once, when the cluster is made",
    ),
    (
        "events_are_published",
        f"{_GUIDE}, Amazon RDS event categories",
        "the emulator sends no event to EventBridge or SNS",
    ),
    (
        "deleting_a_copys_source_early_may_fail_the_copy",
        _COPYING,
        "the copy goes on; AWS promises neither",
    ),
    (
        "a_public_or_shared_snapshot_under_the_aws_owned_key_crosses_accounts",
        "not documented",
        "taken as unencrypted; not verified against AWS",
    ),
    (
        "an_instance_in_creation_can_be_deleted",
        "not documented",
        "it can; not verified against AWS",
    ),
    (
        "snapshot_exports_point_in_time_restores_clones_and_blue_green_deployments_work",
        _MODEL,
        "refused with InvalidAction; what a test lets a cluster take part in is shown, and forbids "
        "its rename",
    ),
    (
        "custom_endpoints_proxies_and_the_data_api_lead_clients_to_rows",
        f"{_ENDPOINTS}; {_PROXIES}; Using the Amazon RDS Data API",
        "they have no server: what they lead to is shown, and statements of the Data API have no "
        "rows",
    ),
    (
        "metrics_alarms_logs_and_event_subscriptions_are_those_of_a_name_or_of_a_resource",
        f"{_GUIDE}, Monitoring metrics in an Amazon Aurora cluster",
        "a cluster of the emulator has none",
    ),
)


def _facts(topic: str, where: str, rows: Iterable[tuple[str, str]]) -> Iterator[Fact]:
    for identifier, source in rows:
        yield Fact(identifier, source, where, topic=topic)


FACTS: tuple[Fact, ...] = (
    *_facts("Copies", "copies, snapshot_progress, keys", _COPIES),
    *_facts("Snapshots", "snapshots, sharing", _SNAPSHOTS),
    *_facts("Restores", "restores, settings, keys", _RESTORES),
    *_facts("Clusters", "clusters, cluster_creation, roles, tagging, key_monitor", _CLUSTERS),
    *_facts("Instances", "instances, connectivity", _INSTANCES),
    *_facts("Stops and starts", "stops, instances, modifications", _STOPS),
    *_facts("Beside a cluster", "custom_endpoints, extras, deletions, settings", _BESIDE),
    *_facts(
        "What follows a cluster or its name",
        "proxies, custom_endpoints, extras, renames",
        _FOLLOWING,
    ),
    *_facts("What forbids a rename", "engagements, renames, deletions", _ENGAGEMENTS),
    *_facts("Deletions", "deletions, instances, global_clusters", _DELETIONS),
    *_facts("Changes", "modifications, renames", _CHANGES),
    *_facts("Security groups", "security_groups, data_plane, modifications", _SECURITY),
    *_facts("Data", "data_plane", _DATA),
    *_facts("Accounts", "account, keys, moto_patch", _ACCOUNTS),
    *(
        Fact(identifier, source, why, enforced=False, topic="Not enforced")
        for identifier, source, why in _NOT_ENFORCED
    ),
)


PAGE = Path(__file__).parents[2] / "docs" / "embedded-rds.md"


def markdown() -> str:
    """Return the facts as a page of documentation, one table per topic."""
    topics = dict.fromkeys(fact.topic for fact in FACTS)
    lines = [
        "# What the embedded RDS takes from AWS",
        "",
        "Written by `make docs`. Every enforced fact has a test named after "
        "it in `tests/unit/embedded_aws/rds` or `tests/integration/embedded_aws/rds`; a test holds "
        "the two lists equal. What is not enforced stands at the end.",
        "",
    ]
    for topic in topics:
        rows = [fact for fact in FACTS if fact.topic == topic]
        third = "Enforced in" if rows[0].enforced else "Instead"
        lines += [f"## {topic}", "", f"| Fact | Source | {third} |", "|---|---|---|"]
        lines += [f"| {fact.sentence} | {fact.source} | {fact.where} |" for fact in rows]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(markdown(), encoding="utf-8")
