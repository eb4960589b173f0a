"""The emulator against botocore's model of RDS: error codes, parameters, shapes."""

import inspect
from pathlib import Path

import botocore.session
import pytest
from botocore.model import StructureShape

from embedded_aws import rds
from embedded_aws.rds import exceptions, unsupported
from embedded_aws.rds.exceptions import RDSClientError
from embedded_aws.rds.models import Location
from embedded_aws.rds.moto_patch import LEFT_TO_MOTO
from embedded_aws.rds.names import Arn
from embedded_aws.rds.params import Params
from tests.unit.embedded_aws.rds.rds_bench import HERE, OWNER, RdsBench

MODEL = botocore.session.get_session().get_service_model("rds")
COMMON_CODES = {
    "InternalFailure",
    "InvalidAction",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "Throttling",
}


def members(shape: object) -> set[str]:
    assert isinstance(shape, StructureShape)
    return set(shape.members)


def parameters(action: str) -> set[str]:
    return members(MODEL.operation_model(action).input_shape)


EXCEPTIONS = [
    found
    for _, found in inspect.getmembers(exceptions, inspect.isclass)
    if issubclass(found, RDSClientError)
]


@pytest.mark.parametrize("exception", EXCEPTIONS)
def test_every_error_code_is_one_of_the_model_or_common(exception: type[RDSClientError]) -> None:
    modelled = {shape.metadata["error"]["code"] for shape in MODEL.error_shapes}

    assert exception.code in modelled | COMMON_CODES


def test_an_error_has_the_http_status_of_the_model(rds_bench: RdsBench) -> None:
    client = rds_bench.rds()

    with pytest.raises(client.exceptions.DBClusterNotFoundFault) as caught:
        rds_bench.cluster("unknown")

    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert caught.value.response["Error"]["Message"] == "DBCluster unknown not found."


def test_every_operation_is_one_of_the_model(rds_bench: RdsBench) -> None:
    offered = set(rds_bench.emulator.api.operations.handlers) | LEFT_TO_MOTO

    assert offered <= set(MODEL.operation_names)


@pytest.mark.parametrize("table", [unsupported.UNSUPPORTED_PARAMETERS, unsupported.WITHOUT_EFFECT])
def test_unmodelled_parameters_are_parameters(table: dict[str, frozenset[str]]) -> None:
    for action, names in table.items():
        assert names <= parameters(action), action


def test_a_parameter_is_read_or_refused_or_known_to_be_without_effect(
    rds_bench: RdsBench,
) -> None:
    files = Path(rds.__file__).parent.glob("*.py")
    source = "\n".join(path.read_text() for path in files if path.stem != "unsupported")

    ignored = {
        f"{action}.{name}"
        for action in rds_bench.emulator.api.operations.handlers
        for name in parameters(action)
        if f'"{name}"' not in source
    }
    refused = {
        f"{action}.{name}"
        for table in (unsupported.UNSUPPORTED_PARAMETERS, unsupported.WITHOUT_EFFECT)
        for action, names in table.items()
        for name in names
    }
    assert ignored - refused == set()


def test_what_is_shown_has_the_names_of_the_model(rds_bench: RdsBench) -> None:
    rds_bench.new_cluster()
    rds_bench.new_instance()
    rds_bench.new_snapshot("monday")
    operations = rds_bench.emulator.api.operations
    place = Location(OWNER, HERE)
    for action, list_name, shape in (
        ("DescribeDBClusters", "DBClusters", "DBCluster"),
        ("DescribeDBInstances", "DBInstances", "DBInstance"),
        ("DescribeDBClusterSnapshots", "DBClusterSnapshots", "DBClusterSnapshot"),
    ):
        (shown,) = operations.perform(action, place, Params({}))[list_name]
        assert set(shown) <= members(MODEL.shape_for(shape))


def test_an_arn_keeps_the_colons_of_an_automated_snapshots_name() -> None:
    text = "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:rds:orders-2026-11-20-06-00"

    arn = Arn.parse(text)

    assert arn is not None
    assert arn.name == "rds:orders-2026-11-20-06-00"
    assert str(arn) == text
    assert Arn.parse("orders") is None
