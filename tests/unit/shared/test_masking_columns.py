"""What is classified, what is not, and which line is missing: without a database."""

from dataclasses import replace

import pytest

from aurora_restore.shared.documents.classification import (
    Classification,
    Schemas,
    faults_of_classification,
)
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.errors import UnclassifiedColumnsError, ValidationError
from aurora_restore.shared.postgres.masking.columns import (
    LONGEST_LISTING,
    MOST_LISTED,
    ClassifiedColumns,
    Table,
    TableName,
    compare,
)

CUSTOMERS = TableName("public", "customers")
TABLE = Table(CUSTOMERS, ("id", "email", "notes"))
KNOWN: Schemas = {
    "public": {"customers": {"id": "safe", "email": "masked", "notes": "cleared"}},
}


def compared(*tables: Table, classified: Schemas = KNOWN) -> ClassifiedColumns:
    return compare("orders", tables, classified)


def error_of(*tables: Table, classified: Schemas = KNOWN) -> UnclassifiedColumnsError:
    with pytest.raises(UnclassifiedColumnsError) as caught:
        compared(*tables, classified=classified).require_classified("config/columns/orders.json")
    return caught.value


def test_columns_that_are_all_classified_are_known_by_their_treatment() -> None:
    found = compared(TABLE)

    found.require_classified("config/columns/orders.json")
    assert found.columns_that_are("masked") == {CUSTOMERS: ("email",)}
    assert found.columns_that_are("cleared") == {CUSTOMERS: ("notes",)}
    assert found.counts == {"masked": 1, "cleared": 1, "safe": 1}
    assert found.absent == ()


def test_a_new_column_is_an_error_that_names_the_file_and_the_line_to_add() -> None:
    error = error_of(replace(TABLE, columns=("id", "email", "notes", 'loyalty "id"')))

    assert error.message == (
        "1 column of database 'orders' is not classified. Add to config/columns/orders.json, each "
        'with "masked", "cleared" or "safe": in databases.orders.public.customers: '
        '"loyalty \\"id\\"": "masked"'
    )


def test_the_line_for_a_new_table_classifies_all_of_its_columns() -> None:
    error = error_of(TABLE, Table(TableName("crm", "leads"), ("id", "phone")))

    assert error.details["lines_to_add"] == [
        'in databases.orders.crm: "leads": {"id": "masked", "phone": "masked"}'
    ]
    assert error.details["unclassified_columns"] == 2


def test_a_list_of_many_unclassified_tables_is_cut_and_says_how_many_there_are() -> None:
    many = [Table(TableName("new", f"t{n:05}"), ("id",)) for n in range(50_000)]

    error = error_of(*many)

    assert len(error.details["lines_to_add"]) == MOST_LISTED + 1
    assert error.details["lines_to_add"][-1] == f"and {50_000 - MOST_LISTED} more tables"
    assert error.message.startswith("50000 columns of database 'orders' are not classified")
    assert len(error.message) < LONGEST_LISTING


def test_the_lines_for_very_wide_tables_fit_into_a_message() -> None:
    wide = [
        Table(TableName("new", f"t{n}"), tuple(f"{c:063}" for c in range(1600))) for n in range(3)
    ]

    assert len(error_of(*wide).message) < LONGEST_LISTING + 500


def test_a_table_that_is_safe_as_a_whole_may_gain_columns() -> None:
    classified: Schemas = {"public": {"customers": {"*": "safe"}}}

    found = compared(replace(TABLE, columns=("id", "new")), classified=classified)

    assert found.unclassified == ()
    assert found.counts["safe"] == 2


def test_what_need_not_be_classified_is_held_to_it_where_it_is() -> None:
    refreshed = replace(TABLE, must_be_classified=False)

    assert compared(refreshed, classified={}).unclassified == ()
    assert compared(refreshed).columns_that_are("masked") == {CUSTOMERS: ("email",)}
    (named,) = compared(replace(refreshed, columns=("id", "new"))).unclassified
    assert named.columns == ("new",)


def test_what_the_database_does_not_have_is_reported_and_no_error() -> None:
    found = compared(
        replace(TABLE, columns=("id", "email")),
        classified={**KNOWN, "old": {"gone": {"*": "safe"}}},
    )

    found.require_classified("config/columns/orders.json")
    assert found.absent == ("public.customers.notes", "old.gone")


def test_a_classification_is_read_from_its_document() -> None:
    read = parse(Classification, {"$schema": "./schema.json", "databases": {"orders": KNOWN}})

    assert read.databases == {"orders": KNOWN}


def test_a_treatment_that_does_not_exist_is_refused_with_its_place() -> None:
    with pytest.raises(ValidationError, match=r"databases\.orders\.public\.customers\.id: 'TODO'"):
        parse(Classification, {"databases": {"orders": {"public": {"customers": {"id": "TODO"}}}}})


@pytest.mark.parametrize(
    "columns",
    [{"*": "masked"}, {"*": "cleared"}, {"*": "safe", "id": "safe"}, {"*": "safe", "id": "masked"}],
    ids=str,
)
def test_every_column_together_can_only_be_safe(columns: dict[str, str]) -> None:
    document = {"databases": {"orders": {"public": {"customers": columns}}}}

    (fault,) = faults_of_classification(parse(Classification, document), ())

    assert fault.path == "databases.orders.public.customers"
    assert '{"*": "safe"}' in fault.problem


def test_a_listed_database_must_be_classified_and_another_may_be() -> None:
    both = parse(Classification, {"databases": {"orders": KNOWN, "other": KNOWN}})

    assert list(faults_of_classification(both, ("orders",))) == []
    (fault,) = faults_of_classification(both, ("orders", "reports"))
    assert fault.path == "databases.reports"
