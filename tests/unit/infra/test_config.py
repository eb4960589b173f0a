"""A wrong environment file is refused with its file, its field and a remedy."""

import json
from pathlib import Path
from typing import Any

import pytest

from aurora_restore.configuration.authorities import parse_authorities, rds_authorities
from aurora_restore.configuration.checks.environment import faults_of_environment
from aurora_restore.configuration.files import ConfigurationFolder
from aurora_restore.configuration.loading import load_environment
from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import parse_configuration
from aurora_restore.shared.errors import ConfigurationError
from tests.unit.infra.synthesis import ABSENT, ENVIRONMENTS, Document, example, put_files, restore

STAGING = "restores.staging"
PEM = "sql/mask-customers.sql"


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    """The files that the examples name, beside those that the tests write."""
    put_files(tmp_path)


def refusal(folder: Path, text: str) -> ConfigurationError:
    """What is said of an environment file with this text."""
    (folder / "dev.json").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_environment("dev", folder)
    assert caught.value.message.startswith(f"{folder / 'dev.json'}:\n  ")
    return caught.value


def test_two_environments_whose_resources_have_the_same_names_are_refused(tmp_path: Path) -> None:
    for name in ("dev", "staging"):
        (tmp_path / f"{name}.json").write_text(json.dumps(example()))
    (tmp_path / "unfinished.json").write_text("{")

    with pytest.raises(ConfigurationError, match=r"name_prefix: .* is also the prefix of staging"):
        load_environment("dev", tmp_path)

    changed = example({"name_prefix": "aurora-restore-staging"})
    (tmp_path / "staging.json").write_text(json.dumps(changed))
    assert load_environment("dev", tmp_path).name == "dev"


def test_an_environment_in_a_region_that_nobody_knows_is_refused_by_its_name(
    tmp_path: Path,
) -> None:
    said = refusal(tmp_path, json.dumps(example({"region": "us-eats-1"})))

    assert said.details["faults"][0].startswith(
        "region: 'us-eats-1' is not a Region that this version knows"
    )


def test_a_region_that_is_newer_than_the_sdk_is_taken_if_it_is_named(tmp_path: Path) -> None:
    source = {f"{STAGING}.source.region": "us-eats-1"}
    (tmp_path / "dev.json").write_text(
        json.dumps(example({**source, "extra_regions": ["us-eats-1"]}))
    )

    environment = load_environment("dev", tmp_path)

    assert environment.restores["staging"].source.region == "us-eats-1"


def test_a_serverless_class_to_fall_back_to_needs_a_capacity_range(tmp_path: Path) -> None:
    document = example()
    target = document["restores"]["staging"]["target"]
    target.pop("serverless_v2_scaling", None)
    target["instances"] = [{"instance_class": "db.r6g.large"}]
    target["fallback_instance_classes"] = ["db.r6g.xlarge", "db.serverless"]

    message = refusal(tmp_path, json.dumps(document)).message

    assert f"{STAGING}.target.serverless_v2_scaling: is missing" in message


def test_an_environment_is_read_under_its_name() -> None:
    environment = load_environment("example", ENVIRONMENTS)

    assert environment.name == "example"
    assert list(environment.restores) == ["staging"]


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("account", 222222222222, "account: must be a string, not an integer: put it in quotes"),
        ("account", "12345", "account: '12345' is not valid: it must be a 12-digit AWS account id"),
        ("region", ABSENT, "region: is missing (for example 'us-east-1')"),
        (
            f"{STAGING}.source.region",
            "us-eats-1",
            f"{STAGING}.source.region: 'us-eats-1' is not a Region that this version knows",
        ),
        ("regoin", "x", "regoin: is not a known field; did you mean 'region'?"),
        ("restores", {}, "restores: it needs at least 1 entry"),
        (f"{STAGING}.target", [], f"{STAGING}.target: must be an object, not a list"),
        (f"{STAGING}.archive.keep_copies", 0, "0 is too small: the smallest value is 1"),
        ("timeout_hours", "48", "timeout_hours: must be an integer, not a string"),
        ("log_retention_days", 8, "log_retention_days: 8 is not one of 1, 3, 5"),
        ("log_retention_days", True, "log_retention_days: True is not one of 1, 3, 5"),
        ("state_retention_days", 36501, "36501 is too large: the largest value is 36500"),
        (f"{STAGING}.archive.keep_days", 10**9, "is too large: the largest value is 36500"),
        (f"{STAGING}.polling.fraction", 10**400, "polling.fraction: is too large a number"),
        (f"{STAGING}.target.port", 1149, "1149 is too small: the smallest value is 1150"),
        (
            f"{STAGING}.target.serverless_v2_scaling",
            {"min_capacity": 0.7, "max_capacity": 4},
            "serverless_v2_scaling.min_capacity: 0.7 is not a multiple of 0.5",
        ),
        (
            f"{STAGING}.target.instances",
            [{"instance_class": "db.r6g.large"}] * 17,
            f"{STAGING}.target.instances: it has 17 entries: at most 16 are allowed",
        ),
        (
            f"{STAGING}.target.tags",
            {f"tag-{i}": "" for i in range(47)},
            f"{STAGING}.target.tags: it has 47 entries: at most 46 are allowed",
        ),
        (f"{STAGING}.target.tags", {"": "x"}, "tags: the key '': '' is not valid: it must be 1 to"),
        (f"{STAGING}.target.tags", {"k" * 129: "x"}, "it must be 1 to 128 letters, digits, spaces"),
        (f"{STAGING}.target.tags", {"AWS:x": "x"}, "not beginning with `aws:`, `rds:` or"),
        (f"{STAGING}.target.tags", {"rds:x": "x"}, "not beginning with `aws:`, `rds:` or"),
        (
            f"{STAGING}.target.tags",
            {"aurora-restore:managed-by": "another"},
            "the key 'aurora-restore:managed-by': 'aurora-restore:managed-by' is not valid",
        ),
        (f"{STAGING}.target.tags", {"k": "x" * 257}, "it must be up to 256 letters, digits"),
        (f"{STAGING}.target.tags", {"k": "a;b"}, "target.tags.k: 'a;b' is not valid"),
        (
            f"{STAGING}.target.tags",
            {"team": "naïve 🎉"},
            f"{STAGING}.target.tags.team: '🎉' cannot be in a tag: leave it out",
        ),
        ("tags", {"aws:x": "x"}, "tags: the key 'aws:x': 'aws:x' is not valid"),
        (
            "notification_emails",
            ["a@example.com", "b@example.com", "a@example.com"],
            "notification_emails: 'a@example.com' occurs twice: remove one",
        ),
        (
            "network.availability_zones",
            ["us-west-2a", "us-west-2b", "us-west-2c"],
            "network.availability_zones: there are 3 for 2 subnets: give the zone of each",
        ),
        (
            "network.availability_zones",
            ["us-west-2a", "us-west-2a"],
            "network.availability_zones: there is only 'us-west-2a': give subnets in 2 zones or",
        ),
        (
            "network.availability_zones",
            ["us-west-2a", "us-west-2-lax-1a"],
            "network.availability_zones[1]: 'us-west-2-lax-1a' is not a zone of the environment's",
        ),
        (
            "network.subnet_ids",
            ["subnet-0a1b2c3d", "subnet-0a1b2c3d"],
            "network.subnet_ids: 'subnet-0a1b2c3d' occurs twice: remove one",
        ),
        (
            "secrets",
            {"master": "shared/credentials", "app": "shared/credentials"},
            "secrets.app: is the master secret: a reader of the application's passwords",
        ),
        *(
            (f"secrets.{field}", name, f"secrets.{field}: {name!r} is not valid: it must be")
            for field, name in (
                ("app_username", "public"),
                ("app_username", "pg_app"),
                ("readonly_username", "none"),
                ("readonly_username", "rds_reader"),
                ("master_username", "rdsadmin"),
                ("master_database", "template1"),
            )
        ),
        (
            "secrets.app_username",
            "é" * 32,
            "secrets.app_username: it takes 64 bytes in UTF-8: at most 63 are allowed",
        ),
        (
            f"{STAGING}.database.databases",
            ["orders", "template0"],
            f"{STAGING}.database.databases[1]: 'template0' is not valid: it must be",
        ),
        *(
            ("name_prefix", name, "not beginning with `aws` or `ssm`, which SSM reserves")
            for name in ("aws-restore", "ssm-restore")
        ),
        (
            "network.availability_zones",
            ["us-west-2a", "us-east-1a"],
            "network.availability_zones[1]: 'us-east-1a' is not a zone of the environment's Region",
        ),
        (
            "secrets.master",
            "arn:aws:iam::222222222222:role/a",
            "secrets.master: 'arn:aws:iam::222222222222:role/a' is not the ARN of a secret",
        ),
        (
            "secrets.app",
            "arn:aws:secretsmanager:us-east-1:222222222222:secret:app-AbCdEf",
            "secrets.app: the secret is in us-east-1: it must be in the environment's Region",
        ),
        (
            "secrets.readonly_username",
            "orders_app",
            "secrets: `app_username` and `readonly_username` are both 'orders_app': give each a",
        ),
        ("database_ca_bundle", "no.pem", "database_ca_bundle: there is no file"),
        ("database_ca_bundle", PEM, "is not a bundle of certificates in PEM"),
        (
            f"{STAGING}.source",
            {"cluster_id": "orders-staging", "region": "us-west-2"},
            f"{STAGING}.target.cluster_id: 'orders-staging' is the source itself",
        ),
        (
            "restores.test",
            restore({"source": {"cluster_id": "orders-staging", "region": "us-west-2"}})
            | {"target": {**restore()["target"], "cluster_id": "orders-test"}},
            f"{STAGING}.target.cluster_id: 'orders-staging' is the source of the restore 'test': "
            "the pipeline would delete what it is to copy; name another cluster",
        ),
        (
            f"{STAGING}",
            restore(
                {
                    "source": {"cluster_id": "orders-staging-blue", "region": "us-west-2"},
                    "target.adopt": True,
                }
            ),
            f"{STAGING}.target.adopt: would let the pipeline delete the instances of "
            "'orders-staging-blue', the source of the restore 'staging'",
        ),
        (
            f"{STAGING}.target.quarantine",
            {"security_group_ids": restore()["target"]["vpc_security_group_ids"]},
            f"{STAGING}.target.quarantine.security_group_ids: "
            f"{restore()['target']['vpc_security_group_ids'][0]!r} is also one of "
            "`vpc_security_group_ids`",
        ),
        (
            "restores.test",
            example()["restores"]["staging"],
            "restores.test.target.cluster_id: 'orders-staging' is also the target of the restore "
            "'staging': each restore needs a target of its own",
        ),
        (
            f"{STAGING}.target",
            restore({"target.strategy": "switch", "target.cluster_id": 6 * "abcdefg-" + "x"})[
                "target"
            ],
            f"{STAGING}.target.cluster_id: 'abcdefg-abcdefg-abcdefg-abcdefg-abcdefg-abcdefg-x' has "
            '49 characters: with `strategy` "switch" it has at most 47',
        ),
        (
            f"{STAGING}",
            restore(
                {
                    "source": {"cluster_id": "orders-staging-ar-0a1b2c3d", "region": "us-west-2"},
                    "target.strategy": "switch",
                }
            ),
            f"{STAGING}.target.strategy: \"switch\" would give clusters beside 'orders-staging' "
            "names like 'orders-staging-ar-0a1b2c3d', the source of the restore 'staging'",
        ),
        (
            "restores",
            {
                "staging": restore({"target.strategy": "switch"}),
                "test": restore({"target.cluster_id": "orders-staging-ar-0a1b2c3d-old"}),
            },
            f"{STAGING}.target.strategy: \"switch\" would give clusters beside 'orders-staging' "
            "names like 'orders-staging-ar-0a1b2c3d-old', the target of the restore 'test'",
        ),
        (
            f"{STAGING}.target.serverless_v2_scaling",
            ABSENT,
            f"{STAGING}.target.serverless_v2_scaling: is missing: `db.serverless` instances need",
        ),
        (
            f"{STAGING}.target.serverless_v2_scaling",
            {"min_capacity": 0.5, "max_capacity": 4, "seconds_until_auto_pause": 300},
            "seconds_until_auto_pause: instances pause with a `min_capacity` of 0 only, and it is",
        ),
        (
            f"{STAGING}.target.fallback_instance_classes",
            ["r6g.large"],
            "fallback_instance_classes[0]: 'r6g.large' is not valid: it must be a DB instance",
        ),
        (
            f"{STAGING}.target.serverless_v2_scaling",
            {"min_capacity": 8, "max_capacity": 4},
            f"{STAGING}.target.serverless_v2_scaling.min_capacity: 8.0 is more than",
        ),
        (
            f"{STAGING}.target.kms_key_id",
            "arn:aws:kms:us-east-1:222222222222:alias/staging",
            f"{STAGING}.target.kms_key_id: the key is in us-east-1",
        ),
        (
            f"{STAGING}.database.scripts",
            [{"path": "sql/none.sql"}],
            f"{STAGING}.database.scripts[0].path: there is no file",
        ),
        (
            f"{STAGING}.database.scripts",
            [{"path": "sql/mask-customers.sql"}, {"path": "sql/mask-customers.sql"}],
            f"{STAGING}.database.scripts[1].path: is the same as scripts[0]",
        ),
        (
            f"{STAGING}.database.scripts",
            [
                {"path": "sql/mask-customers.sql"},
                {"path": "./sql//mask-customers.sql"},
            ],
            f"{STAGING}.database.scripts[1].path: is the same as scripts[0]",
        ),
        (
            f"{STAGING}.database.keep_logins",
            ["monitoring", "orders_app"],
            f"{STAGING}.database.keep_logins[1]: 'orders_app' is set up by the pipeline",
        ),
        (
            f"{STAGING}.polling.cap_seconds",
            2,
            f"{STAGING}.polling.floor_seconds: 3 is more than `cap_seconds`, 2",
        ),
        (
            f"{STAGING}.schedule.expression",
            "cron(0 4 * * ?)",
            f"{STAGING}.schedule.expression: 'cron(0 4 * * ?)' has 5 fields: it needs 6",
        ),
        (
            f"{STAGING}.schedule.expression",
            "cron(0 4 * * * *)",
            "must have `?` for one of day-of-month and day-of-week, and for one only",
        ),
        (
            f"{STAGING}.schedule.expression",
            "rate(1 days)",
            f"{STAGING}.schedule.expression: 'rate(1 days)' must be like",
        ),
        *(
            (
                f"{STAGING}.schedule.expression",
                expression,
                f"{STAGING}.schedule.expression: {expression!r} must be like "
                '"at(2026-12-24T04:00:00)", a day and a time that there are',
            )
            for expression in ("at(2026-02-30T04:00:00)", "at(2026-12-24 04:00)", "at(20261224T04)")
        ),
        (
            f"{STAGING}.schedule",
            {"expression": "at(2027-03-28T02:30:00)", "time_zone": "Europe/Berlin"},
            f"{STAGING}.schedule.expression: 'at(2027-03-28T02:30:00)' is a time that "
            "Europe/Berlin does not have: the clocks go forward past it",
        ),
        (
            f"{STAGING}.schedule.time_zone",
            "europe/berlin",
            f"{STAGING}.schedule.time_zone: 'europe/berlin' is no time zone of the IANA database; "
            'is "Europe/Berlin" meant?',
        ),
        (
            f"{STAGING}.schedule.time_zone",
            "Olympus",
            "'Olympus' is no time zone of the IANA database, such as",
        ),
        (
            f"{STAGING}.schedule.time_zone",
            "+02:00",
            f"{STAGING}.schedule.time_zone: '+02:00' is not valid: it must be the name of a time "
            "zone",
        ),
        (
            f"{STAGING}.schedule",
            {"expression": "rate(1 day)", "time_zone": "Europe/Berlin"},
            f"{STAGING}.schedule.time_zone: 'Europe/Berlin' means nothing for a rate",
        ),
        (
            f"{STAGING}.schedule.expression",
            "rate(59 minutes)",
            "'rate(59 minutes)' is too often: a restore takes longer; leave an hour at least",
        ),
        (
            f"{STAGING}.schedule.expression",
            "cron(0/30 4 * * ? *)",
            "'cron(0/30 4 * * ? *)' is too often: a restore takes longer; give one minute",
        ),
        *(
            (
                f"{STAGING}.schedule.expression",
                f"cron({fields})",
                f"{STAGING}.schedule.expression: 'cron({fields})' has {fault}",
            )
            for fields, fault in (
                ("60 4 * * ? *", "'60' for its minutes: give 0 to 59"),
                ("0 24 * * ? *", "'24' for its hours: give 0 to 23"),
                ("0 4/0 * * ? *", "'4/0' for its hours: give 0 to 23"),
                ("0 4 32 * ? *", "'32' for its day-of-month: give 1 to 31"),
                ("0 4 32W * ? *", "'32W' for its day-of-month: give 1 to 31"),
                ("0 4 ? 0 2 *", "'0' for its month: give 1 to 12"),
                ("0 4 ? * 0 *", "'0' for its day-of-week: give 1 to 7"),
                ("0 4 ? * MON-FRI,SUNDAY *", "'MON-FRI,SUNDAY' for its day-of-week: give 1 to 7"),
                ("0 4 * * ? 1969", "'1969' for its year: give 1970 to 2199"),
                ("0 4 ? * 3#1,6#3 *", "'3#1,6#3' for its day-of-week: with `#` it can be one day"),
            )
        ),
        (
            f"{STAGING}.target.tags",
            {f"tag-{i}": "x" * 200 for i in range(46)},
            "bytes: an SSM parameter holds 8192; shorten it",
        ),
    ],
)
def test_a_fault_is_named(tmp_path: Path, path: str, value: Any, fault: str) -> None:
    said = refusal(tmp_path, json.dumps(example({path: value})))

    assert fault in said.message
    assert len(said.details["faults"]) == 1


@pytest.mark.parametrize(("region", "most"), [("us-east-1", 32), ("ap-southeast-2", 28)])
def test_a_prefix_is_as_long_as_a_role_s_name_allows(
    tmp_path: Path, region: str, most: int
) -> None:
    """A function's role is named after the Region, too, and IAM allows 64 characters."""
    changes = {
        "region": region,
        "network.availability_zones": [f"{region}a", f"{region}b"],
        "restores.staging.target.kms_key_id": ABSENT,
    }
    file = tmp_path / "dev.json"
    for length in range(most - 1, 33):
        file.write_text(json.dumps(example({**changes, "name_prefix": "p" * length})))
        if length <= most:
            load_environment("dev", tmp_path)
            continue
        with pytest.raises(ConfigurationError, match=f"in {region} a prefix has at most {most}"):
            load_environment("dev", tmp_path)


def test_an_empty_bundle_of_certificates_is_none(tmp_path: Path) -> None:
    """Python would take the authorities of the machine in its place."""
    (tmp_path / "empty.pem").touch()
    said = refusal(
        tmp_path, json.dumps(example({"database_ca_bundle": str(tmp_path / "empty.pem")}))
    )

    assert "empty.pem is not a bundle of certificates in PEM" in said.message


def test_a_bundle_of_other_regions_is_refused(tmp_path: Path) -> None:
    """Those of RDS prove databases of their own Region only; others are taken as they are."""
    authorities = parse_authorities(rds_authorities())
    bundle = tmp_path / "ca.pem"
    document = json.dumps(example({"database_ca_bundle": str(bundle)}))

    bundle.write_text("".join(each.pem for each in authorities if each.region == "eu-west-1"))
    said = refusal(tmp_path, document)
    assert "database_ca_bundle: " in said.message
    assert "no current certificate authority of Amazon RDS for us-west-2" in said.message

    bundle.write_text("".join(each.pem for each in authorities if "2019" in each.name))
    assert "no certificate authority that has not expired" in refusal(tmp_path, document).message

    bundle.write_text("".join(each.pem for each in authorities if each.region == "us-west-2"))
    (tmp_path / "dev.json").write_text(document)
    assert load_environment("dev", tmp_path).database_ca_bundle == str(bundle)


def test_a_script_that_must_fail_is_refused(tmp_path: Path) -> None:
    checked = parse_configuration(Environment, example(), source="test")
    (script,) = checked.restores["staging"].database.scripts
    file = tmp_path / script.path
    file.write_text("UPDATE customer SET name = 'x';\nCOMMIT;")

    assert [
        str(fault) for fault in faults_of_environment(checked, folder=ConfigurationFolder(tmp_path))
    ] == [
        f"{STAGING}.database.scripts[0].path: {file}: "
        "line 2: the script runs as one transaction, which it can neither begin nor end; "
        "remove COMMIT"
    ]


def test_two_restores_in_a_circle_are_refused(tmp_path: Path) -> None:
    """Each would delete what the other one copies."""
    target = restore()["target"]
    circle = {
        "restores.staging.source": {"cluster_id": "orders-test", "region": "us-west-2"},
        "restores.test": {
            "source": {"cluster_id": "orders-staging", "region": "us-west-2"},
            "target": {**target, "cluster_id": "orders-test"},
        },
    }
    said = refusal(tmp_path, json.dumps(example(circle)))

    assert [fault.partition(":")[0] for fault in said.details["faults"]] == [
        "restores.staging.target.cluster_id",
        "restores.test.target.cluster_id",
    ]


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, json.dumps(example({"account": "1", "region": "2"})))

    assert len(said.details["faults"]) == 2


@pytest.mark.parametrize(
    "right",
    [
        {f"{STAGING}.schedule.expression": "rate(1 day)"},
        {f"{STAGING}.schedule.expression": "rate(12 hours)"},
        {f"{STAGING}.schedule.expression": "rate(60 minutes)"},
        {f"{STAGING}.schedule.expression": "cron(0 4,16 ? * MON-fri *)"},
        {f"{STAGING}.schedule.expression": "cron(59 0-23/2 L JAN,7 ? 2026-2030)"},
        {f"{STAGING}.schedule.expression": "cron(5 4 15W * ? *)"},
        {f"{STAGING}.schedule.expression": "cron(5 4 ? * 6#3 *)"},
        {f"{STAGING}.schedule.expression": "at(2026-12-24T04:00:00)"},
        {f"{STAGING}.schedule.time_zone": "America/Argentina/Buenos_Aires"},
        {f"{STAGING}.schedule.time_zone": "Etc/GMT+12"},
        {
            "network.subnet_ids": [f"subnet-0a1b2c3{i}" for i in range(3)],
            "network.availability_zones": ["us-west-2a", "us-west-2a", "us-west-2b"],
        },
        {f"{STAGING}.schedule": ABSENT},
        {f"{STAGING}.target.port": 1150},
        {f"{STAGING}.target.tags": {"Équipe n 1/a": "_.:/=+-@ é", "empty": ""}},
        {"secrets.app": "another", f"{STAGING}.database.keep_logins": ["orders_app"]},
        {"secrets.master": "arn:aws:secretsmanager:us-west-2:222222222222:secret:master-AbCdEf"},
        {f"{STAGING}.source.cluster_id": "orders-staging"},
        {f"{STAGING}.source.cluster_id": "orders-staging-blue", f"{STAGING}.target.adopt": True},
        {f"{STAGING}.source": {"cluster_id": "orders-staging-blue", "region": "us-west-2"}},
        {
            f"{STAGING}.source": {"cluster_id": "orders", "region": "us-west-2"},
            f"{STAGING}.target.adopt": True,
        },
    ],
)
def test_what_is_right_is_taken(tmp_path: Path, right: Document) -> None:
    (tmp_path / "dev.json").write_text(json.dumps(example(right)))

    assert load_environment("dev", tmp_path).name == "dev"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{\n  "account": "1",\n}', "line 3, column 1: not valid JSON"),
        ('{"account": "1", "account": "2"}', "the key 'account' occurs twice in one object"),
        ("[]", "must be an object, not a list"),
        ('{"account": NaN}', "not valid JSON: NaN is not a number in JSON"),
        ('{"account": -Infinity}', "not valid JSON: -Infinity is not a number in JSON"),
        ("[" * 100_000, "lists and objects are nested too deeply"),
        ("9" * 10_000, "a number in it has too many digits"),
        (
            json.dumps(example({f"{STAGING}.polling.fraction": "?"})).replace('"?"', "1e999"),
            f"{STAGING}.polling.fraction: inf is not valid: it must be a finite number",
        ),
    ],
)
def test_what_is_not_a_json_object_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in refusal(tmp_path, text).message


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_bytes(b'{"account": "\xff"}')

    with pytest.raises(ConfigurationError, match="byte 13: not valid UTF-8"):
        load_environment("dev", tmp_path)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text(json.dumps(example()), encoding="utf-8-sig")

    assert load_environment("dev", tmp_path).name == "dev"


def test_a_folder_is_no_environment(tmp_path: Path) -> None:
    (tmp_path / "dev.json").mkdir()

    with pytest.raises(ConfigurationError, match=r"dev\.json:\n  cannot be read: Is a directory"):
        load_environment("dev", tmp_path)


@pytest.mark.parametrize("name", ["my_dev", "my dev", "dév", "d" * 96])
def test_a_file_s_name_must_make_the_name_of_a_stack(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.json").write_text(json.dumps(example()))

    with pytest.raises(ConfigurationError) as caught:
        load_environment(name, tmp_path)
    assert caught.value.message == (
        f"{tmp_path / name}.json: the file's name becomes part of stack names: "
        "rename it to 1 to 95 letters, digits and hyphens before .json"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (None, "no environment is named: add -c environment=<name>"),
        ("nope", "there is no environment 'nope'"),
        ("schema", "there is no environment 'schema'"),
        ("../example", "there is no environment '../example'"),
    ],
)
def test_an_unknown_environment_is_told_the_known_ones(
    tmp_path: Path, name: str | None, said: str
) -> None:
    for file in ("example", "cross-account", "schema"):
        (tmp_path / f"{file}.json").write_text("{}")

    with pytest.raises(ConfigurationError) as caught:
        load_environment(name, tmp_path)

    assert caught.value.message.startswith(said)
    assert caught.value.message.endswith(": cross-account, example")


def test_an_empty_folder_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none yet"):
        load_environment("dev", tmp_path)
