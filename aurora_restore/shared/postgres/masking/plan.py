"""What of a restore's masking is checked before its scripts, and proven after them."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aurora_restore.shared.documents.classification import (
    Classification,
    faults_of_classification,
)
from aurora_restore.shared.documents.restore import Database
from aurora_restore.shared.documents.schema import parse_configuration, refused, to_json
from aurora_restore.shared.errors import ConfigurationError, MaskingError
from aurora_restore.shared.names import check_resource, columns_resource
from aurora_restore.shared.postgres.masking.checks import RunCheck
from aurora_restore.shared.postgres.masking.evidence import ProveMasking
from aurora_restore.shared.postgres.masking.findings import Proof, Result
from aurora_restore.shared.postgres.masking.originals import EvidenceKey, RememberOriginals
from aurora_restore.shared.postgres.masking.personal_data import FindPersonalData
from aurora_restore.shared.postgres.scripts import SqlScript, digest_of_scripts
from aurora_restore.shared.postgres.tasks import digest_of


@dataclass(frozen=True, kw_only=True)
class MaskingPlan:
    """The tasks around a restore's scripts that make sure of its masking."""

    before: tuple[RememberOriginals, ...]
    """What is done before the first script."""
    after: tuple[Proof, ...]
    """What is done once nothing changes the data any more, and before anyone can log in."""


def read_masking(
    settings: Database,
    databases: Sequence[str],
    read_asset: Callable[[str], str],
    *,
    restore: str,
    scripts: Iterable[SqlScript],
    evidence_key: EvidenceKey,
) -> MaskingPlan:
    """Return the tasks of a restore, with what was deployed for them.

    Proofs are made again where other scripts have run since. Raises ConfigurationError if the
    settings contradict themselves, or the classification is wrong.
    """
    if fault := settings.masking_fault:
        raise ConfigurationError(f"database.masking: {fault}")
    state = digest_of_scripts(scripts)
    before: list[RememberOriginals] = []
    after: list[Proof] = []
    if settings.columns is not None:
        file = settings.columns
        classification = _read_classification(
            read_asset(columns_resource(restore)), file, databases
        )
        for database in databases:
            classified = classification.databases[database]
            digest = digest_of(json.dumps(classified, sort_keys=True))
            before.append(RememberOriginals(database, file, digest, classified, evidence_key))
            after.append(
                ProveMasking(database, digest_of(digest, state), file, classified, evidence_key)
            )
    if (search := settings.personal_data_check) is not None:
        digest = digest_of(json.dumps(to_json(search)), state)
        after.extend(FindPersonalData(database, digest, search) for database in databases)
    for i, check in enumerate(settings.checks):
        sql = check.sql or read_asset(check_resource(restore, i, check.path or ""))
        database = check.database or databases[0]
        after.append(RunCheck(database, digest_of(sql, state), check.title, sql))
    return MaskingPlan(before=tuple(before), after=tuple(after))


def _read_classification(text: str, file: str, databases: Sequence[str]) -> Classification:
    """Return the classification that was deployed, which covers the listed databases.

    Raises ConfigurationError.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{file}: not valid JSON; deploy the stack again") from error
    classification = parse_configuration(Classification, document, source=file)
    if faults := list(faults_of_classification(classification, databases)):
        raise ConfigurationError(refused(faults, file).message)
    return classification


def judge(results: Mapping[Proof, Result]) -> MaskingError | None:
    """Return the error for everything that the proofs have found; None if that is nothing.

    It is of the class of the first proof that has failed, and says what all of them have found.
    """
    errors = [proof.judge(each.findings) for proof, each in results.items() if each.findings]
    if len(errors) < 2:
        return next(iter(errors), None)
    return type(errors[0])(
        "; ".join(error.message for error in errors),
        failed=[{"error_type": error.error_type, **error.details} for error in errors],
    )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is to be said of the masking once every proof is done."""

    results: Mapping[str, Any]
    """What each proof has looked at and found, by kind."""
    error: MaskingError | None
    """Why nobody may be let in; None if nothing speaks against the data."""

    @classmethod
    def of(cls, results: Mapping[Proof, Result]) -> "Verdict":
        """Return the verdict on the results of all proofs."""
        return cls(results=described(results), error=judge(results))


def described(results: Mapping[Proof, Result]) -> dict[str, Any]:
    """Return the results as the state and the notice hold them, by kind."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for proof, result in results.items():
        entry = {"database": proof.database, **result.to_details()}
        found.setdefault(proof.kind, []).append(entry)
    return found
