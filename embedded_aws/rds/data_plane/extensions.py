"""The extensions that a cluster may have: those of the build that Aurora PostgreSQL supports.

On Aurora a member of ``rds_superuser`` creates extensions, though it is no superuser. PostgreSQL
lets others than superusers create an extension that is *trusted*, and its objects then belong to
the superuser, ``rdsadmin`` here as there. So those that Aurora supports are made trusted, and what
it does not support, or what this build cannot load, is taken away.

Source: Release Notes for Aurora PostgreSQL, *Extension versions for Amazon Aurora PostgreSQL*.
"""

import hashlib
import re
import shutil
from pathlib import Path

_SUPPORTED = (
    "amcheck",
    "bloom",
    "dblink",
    "dict_xsyn",
    "earthdistance",
    "insert_username",
    "intagg",
    "moddatetime",
    "pageinspect",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_visibility",
    "pg_walinspect",
    "pgrowlocks",
    "pgstattuple",
    "postgres_fdw",
    "refint",
    "sslinfo",
    "xml2",
)
"""What PostgreSQL keeps for superusers and Aurora does not."""
_UNSUPPORTED = ("adminpack", "file_fdw", "old_snapshot", "pg_logicalinspect", "pg_surgery")
_UNLOADABLE = re.compile(r".*(plperlu?|plpython3u|pltclu?)")
"""Their libraries need those of Perl, Python or Tcl, which the builds do not bring."""
_TRUSTED = "\ntrusted = true\n"
_OWN = Path(__file__).parent / "pg_cron"
"""An extension that the builds lack, in SQL; the emulator runs its jobs (see ``cron``)."""
_GRANTS = {"postgres_fdw": "GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO rds_superuser;"}
"""What RDS grants once it has created an extension."""


def fingerprint() -> str:
    """Return a text that changes whenever :func:`add` does something else."""
    parts = (_SUPPORTED, _UNSUPPORTED, _UNLOADABLE.pattern, _TRUSTED, sorted(_GRANTS.items()))
    own = [path.read_text() for path in sorted(_OWN.iterdir())]
    return hashlib.sha256(repr((parts, own)).encode()).hexdigest()


def add(directory: Path) -> None:
    """Turn a build's extensions into those of Aurora."""
    for control in directory.glob("*.control"):
        name = control.stem
        if name in _UNSUPPORTED or _UNLOADABLE.fullmatch(name):
            control.unlink()
        elif name in _SUPPORTED:
            control.write_text(control.read_text() + _TRUSTED)
    for path in _OWN.iterdir():
        shutil.copyfile(path, directory / path.name)
    for name, grant in _GRANTS.items():
        for script in directory.glob(f"{name}--*.sql"):
            if script.name.count("--") == 1:
                script.write_text(f"{script.read_text()}\n{grant}\n")
