"""A restored cluster that the pipeline knows, without the steps that made it."""

from aurora_restore.shared.state_utils import SUCCESS
from aurora_restore.shared.target_record import TargetRecord, TargetRecordStore
from tests.unit.bench import ACCOUNT, REGION, RESTORE, Bench

RESOURCE_ID = "cluster-RESTORED"


def let_be_restored(bench: Bench, host: str, port: int, *, operation_id: str = "op-1") -> None:
    """Leave the state and the target record as check-restore-status does when it is done."""
    secret = bench.clients.secrets_manager.get_secret_value(
        SecretId=bench.environment.master_secret
    )
    target = TargetRecordStore(bench.store, ACCOUNT, REGION, RESTORE["target"]["cluster_id"])
    target.write(
        TargetRecord(
            restored_by=operation_id,
            resource_id=RESOURCE_ID,
            writer_endpoint=host,
            reader_endpoint=host,
            port=port,
            master_secret_version=secret["VersionId"],
        ),
        None,
    )
    facts = {
        "new_cluster_id": target.cluster_id,
        "cluster_resource_id": RESOURCE_ID,
        "master_password_set": True,
    }
    bench.store.save(operation_id, "check-restore-status", SUCCESS, facts, bench.clock())
