"""The wheel in a CDK app of another team: synthesised, deployed, and run on the embedded AWS."""

import json
import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

import aurora_restore
from aurora_restore.deployed_code import code_digest
from aurora_restore.proof.naming import source_stack
from aurora_restore.proof.settings import CONTEXT, SelfTestSettings
from embedded_aws.cdk import App
from embedded_aws.environment import repository
from tests.integration.library.installation import InstalledPackage
from tests.integration.pipeline.stage import (
    MASTER,
    SOURCE_REGION,
    TARGET_REGION,
    Deployed,
    PipelineStage,
)
from tests.support.cdk_app import run_app

THEIR_APP = Path(__file__).parent / "app"
SCRIPTS_OF_THE_SELF_TEST = ("check.sql", "columns.json", "mask.sql", "owner.sql")
PLACES = {"staging": TARGET_REGION, "acceptance": SOURCE_REGION}


@pytest.fixture(scope="module")
def project(stage: PipelineStage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the other team's app, with the file of each environment."""
    folder = tmp_path_factory.mktemp("their") / "refresh"
    shutil.copytree(THEIR_APP, folder)
    for name, region in PLACES.items():
        database = {
            "scripts": [{"path": "sql/mask-people.sql"}],
            "checks": [{"path": "sql/no-real-addresses.sql"}],
            "keep_logins": ["monitoring"],
            "masking": "required",
        }
        restore = {
            **stage.restore_document(region, cluster_id=f"shop-{name}"),
            "database": database,
        }
        document = {
            **stage.environment_document(region, {"shop": restore}),
            "name_prefix": f"shop-{name}",
        }
        (folder / "environments" / f"{name}.json").write_text(json.dumps(document))
    return folder


@pytest.fixture(scope="module")
def outputs(
    stage: PipelineStage, installed: InstalledPackage, project: Path
) -> Mapping[str, Mapping[str, str]]:
    """What deploying the other team's app has put out, by the names of its stacks."""
    return stage.aws.deploy_app(App(directory=project, python=installed.python))


def test_the_wheel_holds_the_package_and_its_data_and_nothing_of_the_repository(
    installed: InstalledPackage,
) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()
    package = [name for name in names if ".dist-info/" not in name]

    assert installed.wheel.name == f"aurora_restore-{aurora_restore.__version__}-py3-none-any.whl"
    assert {name.partition("/")[0] for name in package} == {"aurora_restore"}
    assert not [name for name in package if name.startswith("aurora_restore/reference/")]
    assert {name for name in package if not name.endswith(".py")} == {
        "aurora_restore/py.typed",
        "aurora_restore/configuration/rds-authorities.pem",
        "aurora_restore/infra/bundles/requirements-lambda.txt",
        *(f"aurora_restore/proof/sql/{name}" for name in SCRIPTS_OF_THE_SELF_TEST),
    }


def test_what_is_installed_is_not_the_repository(
    installed: InstalledPackage, tmp_path: Path
) -> None:
    program = (
        "import aurora_restore.deployed_code as code; "
        "print(code.__file__); print(code.code_digest())"
    )
    place, digest = installed.run("python", "-c", program, directory=tmp_path).split()

    assert Path(place).is_relative_to(installed.folder)
    assert digest == code_digest(), "doctor would take one for the other"


def test_the_command_line_comes_with_it(
    installed: InstalledPackage, project: Path, tmp_path: Path
) -> None:
    version = installed.run("aurora-restore", "--version", directory=tmp_path)
    checked = installed.run(
        *("aurora-restore", "--config-dir", "environments", "check", "--json"), directory=project
    )
    installed.run(*("aurora-restore", "--config-dir", str(tmp_path), "schema"), directory=tmp_path)

    assert version == f"aurora-restore {aurora_restore.__version__}\n"
    assert {each["environment"]: each["valid"] for each in json.loads(checked)["files"]} == {
        "acceptance": True,
        "staging": True,
    }
    shipped = repository() / "config" / "schema.json"
    assert (tmp_path / "schema.json").read_text() == shipped.read_text()


def test_its_stacks_are_called_as_the_app_says(outputs: Mapping[str, Mapping[str, str]]) -> None:
    assert set(outputs) == {"shop-staging-refresh", "shop-acceptance-refresh"}
    for name in PLACES:
        machine = outputs[f"shop-{name}-refresh"]["StateMachineArn"]
        assert machine.endswith(f":stateMachine:shop-{name}-pipeline")


@pytest.mark.usefixtures("outputs")
def test_an_aspect_of_the_app_has_changed_what_is_deployed(stage: PipelineStage) -> None:
    for region in PLACES.values():
        sqs = stage.aws.client("sqs", region=region)
        kept = [
            sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["MessageRetentionPeriod"])
            for queue in sqs.list_queues()["QueueUrls"]
        ]
        assert [each["Attributes"]["MessageRetentionPeriod"] for each in kept] == ["864000"]


def synthesise(environment: str, folder: Path, assembly: Path) -> None:
    """Synthesise an environment by the repository's own app."""
    context = {"environment": environment, "config_dir": str(folder)}
    run_app([sys.executable, "app.py"], repository(), context, assembly)


def test_the_self_test_s_app_comes_with_it(installed: InstalledPackage, tmp_path: Path) -> None:
    settings = SelfTestSettings(
        run="abcdefgh",
        account="222222222222",
        region="us-east-1",
        zones=("us-east-1a", "us-east-1b"),
        engine_version="17.5",
        family="aurora-postgresql17",
    )
    program = (str(installed.python), "-m", "aurora_restore.infra.selftest")
    assembly = tmp_path / "assembly"

    run_app(program, tmp_path, {CONTEXT: settings.to_json()}, assembly)

    assert (assembly / f"{source_stack(settings.run)}.template.json").exists()


def files_of(asset: Path) -> dict[str, bytes]:
    return {
        file.relative_to(asset).as_posix(): file.read_bytes()
        for file in asset.rglob("*")
        if file.is_file()
    }


@pytest.mark.usefixtures("outputs")
def test_its_assets_are_those_of_the_repository(
    stage: PipelineStage, project: Path, tmp_path: Path
) -> None:
    """The same hashes, and the same bytes, wherever and by whomever they are made."""
    theirs = {each.name: each for each in (stage.aws.directory / "cdk.out").glob("asset.*")}
    ours: dict[str, Path] = {}
    for name in PLACES:
        synthesise(name, project / "environments", tmp_path / name)
        ours |= {each.name: each for each in (tmp_path / name).glob("asset.*")}

    assert len(ours) == 3, "code, dependencies, and what the database takes, which is the same"
    assert set(theirs) == set(ours)
    for name, asset in theirs.items():
        assert files_of(asset) == files_of(ours[name])


def test_a_run_of_it_restores_the_data_masked(
    stage: PipelineStage, outputs: Mapping[str, Mapping[str, str]]
) -> None:
    app = Deployed(TARGET_REGION, outputs["shop-staging-refresh"], stage.network(TARGET_REGION))
    execution = stage.run(app)

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    password = stage.secret(app, "MasterSecret")["password"]
    with stage.connected(TARGET_REGION, "shop-staging", MASTER, password) as connection:
        ((count, masked),) = connection.run(
            "SELECT count(*), count(*) FILTER (WHERE email LIKE '%@example.com') FROM customers"
        )
    assert count == masked == 300
