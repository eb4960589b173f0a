"""switch-cluster renames nothing if clients are led by the endpoint that they read."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aurora_restore.shared.cluster.ownership import Ownership
from aurora_restore.shared.cluster.serving import find_serving
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.schema import parse
from aurora_restore.shared.errors import AwsError, PreflightError, SwitchUndoneError
from aurora_restore.shared.names import TAG_KEEP_UNTIL, endpoint_parameter
from aurora_restore.shared.request import RestoreRequest
from aurora_restore.shared.target_record import TargetRecord
from tests.unit.bench import PREFIX, REGION
from tests.unit.lambdas.midway import Died
from tests.unit.lambdas.switched import (
    BESIDE,
    OPERATION,
    beside_handed_over,
    configure_switch,
    delete_by_hand,
    groups_of,
    ready,
    record,
    resource_id,
    roll_back,
    set_status,
    switch,
    tags_at,
    verified,
)
from tests.unit.scene import TARGET, Scene

NAME, READERS = "orders.db.example.com", "orders-ro.db.example.com"
PARAMETER = endpoint_parameter(PREFIX, "staging")

pytestmark = pytest.mark.usefixtures("_seldom_looks")


def endpoint_of(scene: Scene, name: str) -> str:
    """The host of a cluster's writer."""
    found = scene.cluster(name)
    assert found is not None
    return str(found["Endpoint"])


def secret(scene: Scene) -> dict[str, Any]:
    """What the application's secret holds."""
    found = scene.bench.clients.secrets_manager.get_secret_value(
        SecretId=scene.bench.environment.app_secret
    )
    return dict(json.loads(found["SecretString"]))


def parameter(scene: Scene) -> dict[str, Any]:
    """What the SSM parameter holds."""
    found = scene.bench.clients.ssm.get_parameter(Name=PARAMETER)
    return dict(json.loads(found["Parameter"]["Value"]))


def make_zone(scene: Scene, domain: str = "db.example.com") -> str:
    """A hosted zone; its id."""
    made = scene.client("route53").create_hosted_zone(Name=domain, CallerReference=domain)
    return str(made["HostedZone"]["Id"].removeprefix("/hostedzone/"))


def make_record(scene: Scene, zone: str, name: str, kind: str, value: str) -> None:
    """A user has made a record."""
    record_set = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
    scene.client("route53").change_resource_record_sets(
        HostedZoneId=zone,
        ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record_set}]},
    )


def records(scene: Scene, zone: str) -> dict[str, tuple[str, str, int]]:
    """Type, value and TTL of each record that is not the zone's own, by name."""
    found = scene.client("route53").list_resource_record_sets(HostedZoneId=zone)
    return {
        each["Name"].rstrip("."): (each["Type"], each["ResourceRecords"][0]["Value"], each["TTL"])
        for each in found["ResourceRecordSets"]
        if each["Type"] not in ("NS", "SOA")
    }


def by_endpoint(scene: Scene, **settings: Any) -> tuple[str, str]:
    """The target, and a cluster beside it that is to serve: the resource ids of both."""
    return ready(scene, by="endpoint", **settings)


@contextmanager
def dying_at_change(scene: Scene, event: str) -> Iterator[None]:
    """The function dies as soon as a call has been carried out."""

    def die(**_: Any) -> None:
        raise Died

    service = event.split(".")[1]
    clients: dict[str, Callable[[], Any]] = {
        "secretsmanager": lambda: scene.bench.clients.secrets_manager,
        "ssm": lambda: scene.bench.clients.ssm,
        "route53": lambda: scene.bench.clients.route53,
        "rds": lambda: scene.bench.clients.rds(REGION),
    }
    events = clients[service]().meta.events
    events.register(event, die)
    try:
        with pytest.raises(Died):
            yield
    finally:
        events.unregister(event, die)
    scene.bench.advance(1)


def assert_leads_to(scene: Scene, name: str) -> None:
    """Everything that the clients read leads to one cluster."""
    host = endpoint_of(scene, name)
    assert secret(scene)["host"] == host
    assert parameter(scene)["host"] == host


def test_both_clusters_keep_their_names_and_the_clients_read_the_new_endpoint(
    scene: Scene,
) -> None:
    old, new = by_endpoint(scene)

    answer = switch(scene)

    assert answer["statusCode"] == 200
    assert (resource_id(scene, TARGET), resource_id(scene, BESIDE)) == (old, new)
    assert_leads_to(scene, BESIDE)
    assert answer["body"]["cluster_endpoint"] == endpoint_of(scene, BESIDE)
    assert answer["body"]["retired_cluster_id"] == TARGET
    assert "NewDBClusterIdentifier" not in json.dumps(scene.bench.rds.admin.calls())


def test_what_the_clients_read_has_the_keys_that_drivers_know_and_no_password(
    scene: Scene,
) -> None:
    by_endpoint(scene)

    switch(scene)

    found = scene.cluster(BESIDE)
    assert found is not None
    assert parameter(scene) == {
        "engine": "postgres",
        "host": found["Endpoint"],
        "reader_host": found["ReaderEndpoint"],
        "port": found["Port"],
    }
    assert {key: secret(scene)[key] for key in ("host", "reader_host", "port")} == {
        "host": found["Endpoint"],
        "reader_host": found["ReaderEndpoint"],
        "port": found["Port"],
    }


def test_the_record_says_which_cluster_serves_under_which_name(scene: Scene) -> None:
    old, new = by_endpoint(scene)

    switch(scene)

    found = record(scene)
    assert found.switch is None
    assert found.live is not None
    assert found.retired is not None
    assert (found.live.resource_id, found.live.cluster_id) == (new, BESIDE)
    assert (found.retired.cluster.resource_id, found.retired.cluster.cluster_id) == (old, TARGET)


def test_the_new_cluster_does_not_expire_and_the_old_one_is_closed(scene: Scene) -> None:
    by_endpoint(scene)

    switch(scene)

    assert TAG_KEEP_UNTIL not in tags_at(scene, BESIDE)
    assert TAG_KEEP_UNTIL in tags_at(scene, TARGET)
    assert groups_of(scene, TARGET) == {scene.bench.environment.quarantine_security_group}
    assert groups_of(scene, BESIDE) == {scene.security_group}


def test_the_first_cluster_of_a_target_is_published_as_well(scene: Scene) -> None:
    beside_handed_over(scene, by="endpoint")

    answer = switch(scene)

    assert answer["body"]["retired_cluster_id"] is None
    assert_leads_to(scene, BESIDE)


def test_records_in_a_hosted_zone_lead_to_the_new_cluster(scene: Scene) -> None:
    zone = make_zone(scene)
    cname = {"hosted_zone_id": zone, "name": NAME, "reader_name": READERS, "ttl_seconds": 7}
    by_endpoint(scene, cname=cname)

    switch(scene)

    found = scene.cluster(BESIDE)
    assert found is not None
    assert records(scene, zone) == {
        NAME: ("CNAME", found["Endpoint"], 7),
        READERS: ("CNAME", found["ReaderEndpoint"], 7),
    }


def test_the_old_cluster_is_closed_only_once_every_name_server_has_the_records(
    scene: Scene,
) -> None:
    zone = make_zone(scene)
    by_endpoint(scene, cname={"hosted_zone_id": zone, "name": NAME})
    looks: list[set[str]] = []

    def not_yet(parsed: Any, **_: Any) -> None:
        looks.append(groups_of(scene, TARGET))
        if len(looks) < 3:
            parsed["ChangeInfo"]["Status"] = "PENDING"

    events = scene.bench.clients.route53.meta.events
    events.register("after-call.route53.GetChange", not_yet)
    try:
        switch(scene)
    finally:
        events.unregister("after-call.route53.GetChange", not_yet)

    assert looks[:3] == [{scene.security_group}] * 3
    assert groups_of(scene, TARGET) != {scene.security_group}


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("CNAME", "another-database.example.com", "leads to another-database.example.com"),
        ("A", "10.0.0.1", "a record of type A"),
    ],
)
def test_a_name_that_is_of_something_else_is_refused_before_anything_is_changed(
    scene: Scene, kind: str, value: str, said: str
) -> None:
    zone = make_zone(scene)
    make_record(scene, zone, NAME, kind, value)
    old, _ = by_endpoint(scene, cname={"hosted_zone_id": zone, "name": NAME})

    with pytest.raises(PreflightError, match=said):
        switch(scene)

    assert records(scene, zone)[NAME][:2] == (kind, value)
    assert resource_id(scene, TARGET) == old
    assert groups_of(scene, TARGET) == {scene.security_group}


def test_a_name_outside_the_hosted_zone_is_refused(scene: Scene) -> None:
    zone = make_zone(scene, "other.example.com")
    by_endpoint(scene, cname={"hosted_zone_id": zone, "name": NAME})

    with pytest.raises(PreflightError, match=f"{NAME} is no name below other.example.com"):
        switch(scene)


def test_a_record_that_leads_to_the_target_so_far_is_taken_over(scene: Scene) -> None:
    zone = make_zone(scene)
    scene.make_target()
    make_record(scene, zone, NAME, "CNAME", endpoint_of(scene, TARGET) + ".")
    beside_handed_over(scene, by="endpoint", cname={"hosted_zone_id": zone, "name": NAME})

    switch(scene)

    assert records(scene, zone)[NAME][:2] == ("CNAME", endpoint_of(scene, BESIDE))


def test_a_secret_that_names_another_host_is_an_obstacle_not_a_trap(scene: Scene) -> None:
    adopted = "the-application"
    scene.bench.clients.secrets_manager.create_secret(
        Name=adopted, SecretString=json.dumps({**secret(scene), "host": "elsewhere.example.com"})
    )
    by_endpoint(scene)
    document = scene.document
    document["target"]["strategy"] = "switch"
    document["switch"] = {"by": "endpoint"}
    document["secrets"] = {"app": adopted}
    scene.bench.configure(document)

    with pytest.raises(PreflightError, match="would not lead its clients to the new cluster"):
        switch(scene)

    assert groups_of(scene, TARGET) == {scene.security_group}


@pytest.mark.parametrize(
    "event",
    [
        "after-call.secretsmanager.PutSecretValue",
        "after-call.ssm.PutParameter",
        "after-call.route53.ChangeResourceRecordSets",
        "after-call.rds.AddTagsToResource",
        "before-call.rds.ModifyDBCluster",
        "after-call.rds.ModifyDBCluster",
    ],
)
def test_a_switch_that_dies_anywhere_goes_on_where_it_was(scene: Scene, event: str) -> None:
    zone = make_zone(scene)
    by_endpoint(scene, cname={"hosted_zone_id": zone, "name": NAME})
    with dying_at_change(scene, event):
        switch(scene)

    answer = switch(scene)

    assert answer["statusCode"] == 200
    assert_leads_to(scene, BESIDE)
    assert records(scene, zone)[NAME][1] == endpoint_of(scene, BESIDE)
    assert groups_of(scene, TARGET) == {scene.bench.environment.quarantine_security_group}


def test_what_cannot_be_published_is_taken_back_and_the_old_cluster_serves_on(
    scene: Scene,
) -> None:
    by_endpoint(scene)

    denied: list[bool] = []

    def deny_first(**_: Any) -> None:
        if not denied:
            denied.append(True)
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutParameter")

    events = scene.bench.clients.ssm.meta.events
    events.register("before-call.ssm.PutParameter", deny_first)
    try:
        with pytest.raises(SwitchUndoneError):
            switch(scene)
    finally:
        events.unregister("before-call.ssm.PutParameter", deny_first)

    assert secret(scene)["host"] == endpoint_of(scene, TARGET)
    assert groups_of(scene, TARGET) == {scene.security_group}
    assert TAG_KEEP_UNTIL in tags_at(scene, BESIDE)
    found = record(scene)
    assert found.switch is None
    assert found.live is not None
    assert found.live.cluster_id == TARGET


def test_if_the_new_cluster_fails_right_after_the_clients_are_led_back(scene: Scene) -> None:
    by_endpoint(scene)
    with dying_at_change(scene, "after-call.ssm.PutParameter"):
        switch(scene)
    set_status(scene, BESIDE, "incompatible-parameters")

    with pytest.raises(SwitchUndoneError, match="incompatible-parameters"):
        switch(scene)

    assert_leads_to(scene, TARGET)


def test_another_operation_that_finds_it_half_done_leads_the_clients_back(scene: Scene) -> None:
    by_endpoint(scene)
    with dying_at_change(scene, "after-call.secretsmanager.PutSecretValue"):
        switch(scene)
    assert secret(scene)["host"] == endpoint_of(scene, BESIDE)

    answer = roll_back(scene, operation_id="op-9")

    assert answer["statusCode"] == 200
    assert secret(scene)["host"] == endpoint_of(scene, TARGET)
    assert record(scene).switch is None


def test_the_next_run_goes_by_the_cluster_that_serves(scene: Scene) -> None:
    by_endpoint(scene)
    switch(scene)
    verified(scene)
    found = record(scene)

    answer = roll_back(scene)

    assert answer["statusCode"] == 200
    assert answer["body"]["retired_cluster_id"] == BESIDE
    assert_leads_to(scene, TARGET)
    after = record(scene)
    assert after.live is not None
    assert after.retired is not None
    assert found.live is not None
    assert after.live.cluster_id == TARGET
    assert after.retired.cluster.resource_id == found.live.resource_id
    assert TAG_KEEP_UNTIL in tags_at(scene, BESIDE)
    assert groups_of(scene, BESIDE) == {scene.bench.environment.quarantine_security_group}
    assert groups_of(scene, TARGET) == {scene.security_group}


@contextmanager
def refusing_records(scene: Scene) -> Iterator[None]:
    """Route 53 refuses every change of records."""

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "InvalidChangeBatch"}}, "ChangeResourceRecordSets")

    events = scene.bench.clients.route53.meta.events
    events.register("before-call.route53.ChangeResourceRecordSets", refuse)
    try:
        yield
    finally:
        events.unregister("before-call.route53.ChangeResourceRecordSets", refuse)


def test_what_is_refused_on_the_way_there_does_not_block_the_way_back(scene: Scene) -> None:
    zone = make_zone(scene)
    by_endpoint(scene, cname={"hosted_zone_id": zone, "name": NAME})

    with refusing_records(scene), pytest.raises(SwitchUndoneError, match="InvalidChangeBatch"):
        switch(scene)

    assert_leads_to(scene, TARGET)
    assert records(scene, zone) == {}
    assert record(scene).switch is None


def test_the_only_cluster_there_is_stays_published_until_a_redrive_goes_on(scene: Scene) -> None:
    zone = make_zone(scene)
    beside_handed_over(scene, by="endpoint", cname={"hosted_zone_id": zone, "name": NAME})
    with refusing_records(scene), pytest.raises(AwsError, match="InvalidChangeBatch"):
        switch(scene)
    assert TAG_KEEP_UNTIL not in tags_at(scene, BESIDE)

    switch(scene)

    assert_leads_to(scene, BESIDE)
    assert records(scene, zone)[NAME][1] == endpoint_of(scene, BESIDE)


def test_a_roll_back_by_rename_opens_what_has_kept_the_name_and_leads_everybody_there(
    scene: Scene,
) -> None:
    zone = make_zone(scene)
    cname = {"hosted_zone_id": zone, "name": NAME}
    by_endpoint(scene, cname=cname)
    switch(scene)
    verified(scene)
    configure_switch(scene, cname=cname)

    roll_back(scene)

    assert groups_of(scene, TARGET) == {scene.security_group}
    assert TAG_KEEP_UNTIL not in tags_at(scene, TARGET)
    assert_leads_to(scene, TARGET)
    assert records(scene, zone)[NAME][1] == endpoint_of(scene, TARGET)


def serving(scene: Scene, found: TargetRecord | None) -> str | None:
    """The name of the cluster that serves, by a record."""
    restore = get_restore(scene)
    owner = Ownership(name_prefix=PREFIX, operation_id=OPERATION, restore="staging")
    anything: Any = None
    request = RestoreRequest(
        restore=restore,
        event=anything,
        environment=anything,
        owner=owner,
        target=anything,
        state=anything,
        secrets=anything,
        restored_cluster_id=BESIDE,
    )
    cluster = find_serving(scene.bench.clients.rds(REGION), request, found)
    return None if cluster is None else cluster["DBClusterIdentifier"]


def get_restore(scene: Scene) -> Restore:
    """The restore as it is deployed."""
    name = scene.bench.environment.parameter_name("staging")
    document = json.loads(scene.bench.clients.ssm.get_parameter(Name=name)["Parameter"]["Value"])
    return parse(Restore, document)


def test_if_the_record_is_lost_what_does_not_expire_serves(scene: Scene) -> None:
    by_endpoint(scene)
    switch(scene)

    assert serving(scene, record(scene)) == BESIDE
    assert serving(scene, None) == BESIDE


def test_what_is_retired_does_not_serve_though_it_has_the_targets_name(scene: Scene) -> None:
    by_endpoint(scene)
    switch(scene)
    delete_by_hand(scene, BESIDE)
    scene.bench.advance(3600)

    assert serving(scene, record(scene)) is None


def test_a_cluster_that_was_deleted_by_hand_is_not_taken_for_the_target(scene: Scene) -> None:
    old, _ = by_endpoint(scene)
    switch(scene)
    verified(scene)
    delete_by_hand(scene, BESIDE)
    scene.bench.advance(3600)

    answer = roll_back(scene)

    assert answer["statusCode"] == 200
    found = record(scene)
    assert found.live is not None
    assert found.live.resource_id == old
    assert_leads_to(scene, TARGET)


def test_the_mark_of_the_operation_stays_with_the_record(scene: Scene) -> None:
    by_endpoint(scene)

    switch(scene)

    assert record(scene).switched_by == OPERATION
    assert record(scene).app_secret_host == endpoint_of(scene, BESIDE)
