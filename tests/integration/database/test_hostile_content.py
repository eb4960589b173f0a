"""Names and objects that anybody in production may have made, and what they must not lead to."""

import pytest

from aurora_restore.shared.errors import (
    OriginalDataLeftError,
    PersonalDataFoundError,
    PrivilegeCheckError,
)
from embedded_aws.rds.data_plane.builds import MAJORS
from tests.integration.database.conftest import Restored
from tests.integration.database.roles import APP, KEPT, READONLY, set_up_access, setup_of
from tests.integration.database.test_after_masking import mask, prepare, rows, script
from tests.integration.database.test_masking import MASK, SHOP, Masking

pytestmark = pytest.mark.parametrize("restored", [MAJORS[0], MAJORS[-1]], indirect=True)

SAME_WHEN_WRITTEN_WITH_A_DOT = """
CREATE SCHEMA x; CREATE SCHEMA "x.y";
CREATE {kind} "x.y".z AS SELECT email FROM customers;
CREATE {kind} x."y.z" AS SELECT email FROM customers;
"""


def test_views_whose_names_look_the_same_are_all_refreshed(restored: Restored) -> None:
    prepare(restored, SAME_WHEN_WRITTEN_WITH_A_DOT.format(kind="MATERIALIZED VIEW"))

    mask(restored, script(MASK))

    for view in ('"x.y".z', 'x."y.z"'):
        assert rows(restored, f"SELECT count(*) FROM {view} WHERE email ~ 'real'") == [[0]]


def test_tables_whose_names_look_the_same_are_all_searched(restored: Restored) -> None:
    prepare(restored, SAME_WHEN_WRITTEN_WITH_A_DOT.format(kind="TABLE"))
    prepare(restored, "UPDATE x.\"y.z\" SET email = 'jane@real.io'")

    with pytest.raises(PersonalDataFoundError, match=r"x\.y\.z\.email"):
        Masking(restored, columns=None, personal_data={}).prove()


def test_evidence_is_not_taken_for_made_where_tables_look_the_same(restored: Restored) -> None:
    prepare(restored, SAME_WHEN_WRITTEN_WITH_A_DOT.format(kind="TABLE"))
    masked = {"email": "masked"}
    masking = Masking(
        restored,
        columns={
            **SHOP,
            "public": {"customers": {"id": "safe", "email": "safe"}},
            "x": {"y.z": masked},
            "x.y": {"z": masked},
        },
    )
    masking.remember()
    masking.mask("UPDATE \"x.y\".z SET email = 'masked'")

    with pytest.raises(OriginalDataLeftError, match=r"x\.y\.z\.email .*100 original values"):
        masking.prove()


@pytest.mark.parametrize("opens", ["CREATE ROLE backdoor", "ALTER ROLE etl"])
def test_a_login_that_a_planted_function_has_opened_is_found_before_the_hand_over(
    restored: Restored, opens: str
) -> None:
    role = opens.split()[-1]
    prepare(
        restored,
        f"""
        CREATE SCHEMA planted;
        CREATE FUNCTION planted.open_a_door() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
            {opens} LOGIN PASSWORD 'open-sesame';
            GRANT CONNECT ON DATABASE shop TO {role};
        EXCEPTION WHEN duplicate_object THEN NULL;
        END $$;
        CREATE FUNCTION planted.normal(email text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
        BEGIN
            IF email = 'masked' THEN PERFORM planted.open_a_door(); END IF;
            RETURN email;
        END $$;
        CREATE INDEX ON customers (planted.normal(email));
        """,
    )
    setup = setup_of(restored)
    setup.lock_out(KEPT).require_complete()
    mask(restored, script("UPDATE customers SET email = 'masked' WHERE id = 1"))
    set_up_access(restored)

    door = f"{role!r} to shop; name them in database.keep_logins"
    with pytest.raises(PrivilegeCheckError, match=door):
        setup.prove_access(APP, READONLY, KEPT)
    setup.prove_access(APP, READONLY, (*KEPT, role))
