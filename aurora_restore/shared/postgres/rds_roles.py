"""The roles that Amazon RDS makes for itself. Those whose name begins with "pg_" are PostgreSQL's.

RDS does not reserve its prefix: its documentation lets users create ``rds_pgaudit``. So a name of
RDS that is not known here proves nothing by itself.
"""

from typing import Final

RDS_ROLES: Final = frozenset(
    {
        "rds_ad",
        "rds_extension",
        "rds_iam",
        "rds_password",
        "rds_replication",
        "rds_reserved",
        "rds_superuser",
        "rdsadmin",
        "rdsproxyadmin",
        "rdsrepladmin",
        "rdstopmgr",
        "rdswriteforwarduser",
    }
)
RDS_PREFIX: Final = "rds"
RDS_DATABASE: Final = "rdsadmin"
"""The database that RDS keeps for itself, and nobody else can enter."""
