"""What is deployed beside the template: the code, the dependencies, the database's assets."""

import ast
import dataclasses
import hashlib
import ssl
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from botocore.loaders import Loader
from botocore.regions import EndpointResolver

from aurora_restore.configuration.authorities import (
    RDS_AUTHORITIES,
    CertificateAuthority,
    parse_authorities,
    rds_authorities,
)
from aurora_restore.configuration.loading import LoadedEnvironment
from aurora_restore.infra.bundles import dependencies
from aurora_restore.infra.bundles.database_assets import (
    ca_bundle,
    database_assets,
)
from aurora_restore.infra.bundles.dependencies import AWS_SERVICES, CACHE, COMPILED, copy_layer
from aurora_restore.infra.bundles.handler_code import handler_code
from aurora_restore.infra.bundles.runtime import RUNTIME
from aurora_restore.reference.rds_authorities import published_authorities
from aurora_restore.reference.repository import REPOSITORY
from aurora_restore.shared.documents.sql_script import DeployedScript
from aurora_restore.shared.errors import ConfigurationError
from aurora_restore.shared.names import ASSETS_PACKAGE, CA_BUNDLE, script_resource
from aurora_restore.shared.pipeline import FUNCTIONS
from tests.unit.infra.synthesis import CONTEXT, ENVIRONMENTS, FOLDER, environment, example

ASSETS = f"python/{ASSETS_PACKAGE}"


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The asset of the functions' code."""
    outdir = tmp_path_factory.mktemp("code")
    stack = cdk.Stack(cdk.App(outdir=str(outdir), context=CONTEXT), "Test")
    lambda_.Function(stack, "Function", code=handler_code(None), handler="a.b", runtime=RUNTIME)
    (asset,) = outdir.glob("asset.*")
    return asset


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dependency layer, which is made on first use."""
    folder = tmp_path_factory.mktemp("layer")
    copy_layer(folder, CACHE)
    return folder / "python"


def test_the_code_is_what_the_functions_import_and_nothing_else(code: Path) -> None:
    tops = {path.relative_to(code).as_posix() for path in code.glob("aurora_restore/*")}
    files = [path for path in code.rglob("*") if path.is_file()]

    assert [path.name for path in code.iterdir()] == ["aurora_restore"]
    assert tops == {f"aurora_restore/{name}" for name in ("__init__.py", "lambdas", "shared")}
    assert {path.suffix for path in files} == {".py"}


def test_the_layer_is_pure_python_and_small(layer: Path) -> None:
    files = [path for path in layer.rglob("*") if path.is_file()]
    megabytes = sum(path.stat().st_size for path in files) / 1_000_000
    print(f"the dependency layer: {megabytes:.1f} MB in {len(files)} files")

    assert not {path.suffix for path in files} & COMPILED
    assert megabytes < 20
    assert not list(layer.rglob("*.pyc"))


def test_the_functions_import_nothing_that_is_not_deployed(code: Path, layer: Path) -> None:
    """Every handler is imported, and every client made, without this machine's packages."""
    program = [
        "import sys, importlib",
        f"sys.path[:0] = {[str(code), str(layer)]!r}",
        f"for name in {[function.handler for function in FUNCTIONS]!r}:",
        "    module, _, handler = name.rpartition('.')",
        "    assert callable(getattr(importlib.import_module(module), handler)), name",
        "import boto3",
        f"for service in {AWS_SERVICES!r}:",
        "    boto3.client(service, region_name='us-west-2')",
    ]
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-S", "-B", "-c", "\n".join(program)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr


def test_botocore_keeps_the_services_that_are_called(layer: Path) -> None:
    clients = {
        call.args[0].value
        for file in [*_modules("shared"), *_modules("lambdas")]
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in {"client", "_client"}
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }
    kept = {path.name for path in (layer / "botocore" / "data").iterdir() if path.is_dir()}

    assert {*clients, "xray"} == set(AWS_SERVICES) == kept


def described(loader: Loader, service: str) -> Any:
    """What a loader of botocore has of a service, without the texts for people."""

    def without_texts(value: Any) -> Any:
        if isinstance(value, dict):
            fields = {name: without_texts(each) for name, each in value.items()}
            if isinstance(fields.get("documentation"), str):
                del fields["documentation"]
            return fields
        return [without_texts(each) for each in value] if isinstance(value, list) else value

    kinds = ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1")
    known = [kind for kind in kinds if service in loader.list_available_services(type_name=kind)]
    return {kind: without_texts(loader.load_service_model(service, kind)) for kind in known}


@pytest.mark.parametrize("service", AWS_SERVICES)
def test_a_service_keeps_all_but_its_texts(layer: Path, service: str) -> None:
    whole = Loader()
    kept = Loader(
        extra_search_paths=[str(layer / "botocore" / "data")], include_default_search_paths=False
    )

    assert described(kept, service) == described(whole, service)
    for region in ("us-west-2", "cn-north-1", "us-gov-west-1"):
        resolved = [
            EndpointResolver(loader.load_data("endpoints")).construct_endpoint(name, region)
            for loader in (kept, whole)
            for name in [described(loader, service)["service-2"]["metadata"]["endpointPrefix"]]
        ]
        assert resolved[0] == resolved[1]


def _modules(package: str) -> Iterable[Path]:
    return (REPOSITORY / "aurora_restore" / package).glob("*.py")


def test_a_layer_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        folder.mkdir(parents=True)
        (folder / "package.py").touch()

    monkeypatch.setattr(dependencies, "make_layer", make)
    for name in ("first", "second"):
        copy_layer(tmp_path / name, tmp_path / "cache")

    assert len(made) == 1
    assert (tmp_path / "second" / "python" / "package.py").exists()


def test_a_failed_installation_leaves_no_half_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = tmp_path / "requirements-lambda.txt"
    requirements.write_text("not-a-pure-python-package @ file:///nowhere\n")
    monkeypatch.setattr(dependencies, "REQUIREMENTS", requirements)

    with pytest.raises(RuntimeError, match="needs a pure-Python wheel"):
        copy_layer(tmp_path / "out", tmp_path / "cache")

    assert [each.name for each in (tmp_path / "cache").iterdir()] == [".gitignore"]
    assert not (tmp_path / "out").exists()


def test_compiled_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "_speedups.so").touch()

    monkeypatch.setattr(dependencies, "install", install)

    with pytest.raises(RuntimeError, match="brings compiled code: _speedups"):
        copy_layer(tmp_path / "out", tmp_path / "cache")


def test_the_database_layer_holds_the_scripts_in_order() -> None:
    script = {"path": "sql/mask-customers.sql"}
    contents = database_assets(
        environment(
            example(
                {"restores.staging.database.scripts": [script, {**script, "database": "reports"}]}
            )
        )
    )
    paths = [f"{ASSETS}/{script_resource('staging', i, script['path'])}" for i in (0, 1)]

    assert sorted(contents) == sorted([*paths, f"{ASSETS}/__init__.py", f"{ASSETS}/{CA_BUNDLE}"])
    assert paths == [f"{ASSETS}/scripts/staging/00{i}-mask-customers.sql.json" for i in (0, 1)]
    file = (ENVIRONMENTS / script["path"]).read_bytes()
    for path in paths:
        deployed = DeployedScript.from_json(contents[path].decode())
        assert deployed.sha256 == hashlib.sha256(file).hexdigest()
        assert all(each.sql in file.decode() for each in deployed.statements)


def test_the_authorities_are_those_of_rds() -> None:
    certificates = ssl.create_default_context(cadata=rds_authorities()).get_ca_certs()
    names = [str(certificate["subject"]) for certificate in certificates]

    assert any("Amazon RDS us-west-2 Root CA RSA2048 G1" in name for name in names)
    assert all("Amazon RDS" in name for name in names)


def authorities_of(region: str) -> list[CertificateAuthority]:
    """Those of the package for a Region that have not expired."""
    all_of_them = parse_authorities(rds_authorities())
    return [
        each for each in all_of_them if each.region == region and each.expires > datetime.now(UTC)
    ]


def test_an_authority_says_which_region_it_is_for() -> None:
    names = {each.name: each.region for each in parse_authorities(rds_authorities())}

    assert names["Amazon RDS us-west-2 Root CA RSA2048 G1"] == "us-west-2"
    assert names["Amazon RDS us-west-2 2019 CA"] == "us-west-2"
    assert names["Amazon RDS Beta us-east-1 Root CA ECC384 G1"] is None
    assert names["Amazon RDS Root 2019 CA"] is None


def test_no_expired_authority_is_deployed() -> None:
    shipped = ca_bundle(None, FOLDER, environment(example()).region, datetime.now(UTC))
    deployed = parse_authorities(shipped.decode())
    known = parse_authorities(rds_authorities())

    assert all(each.expires > datetime.now(UTC) for each in deployed)
    assert set(deployed) == {each for each in known if each.expires > datetime.now(UTC)}
    assert len(deployed) < len(known)


def in_a_new_region(**changes: Any) -> LoadedEnvironment:
    """The example in a Region that the package does not know, without any check of it."""
    return dataclasses.replace(environment(example()), region="il-central-1", **changes)


def test_a_region_without_an_authority_is_refused_at_synthesis() -> None:
    with pytest.raises(ConfigurationError) as refused:
        database_assets(in_a_new_region())

    assert refused.value.message.startswith("database_ca_bundle: is missing")
    assert "for il-central-1" in refused.value.message
    assert "UsingWithRDS.SSL" in refused.value.message


def test_a_region_whose_authorities_have_all_expired_is_refused_at_synthesis() -> None:
    far_off = datetime(2200, 1, 1, tzinfo=UTC)

    with pytest.raises(ConfigurationError, match="that has not expired"):
        ca_bundle(None, FOLDER, environment(example()).region, far_off)


def test_a_configured_bundle_takes_their_place(tmp_path: Path) -> None:
    (authority, *_) = authorities_of("us-west-2")
    bundle = tmp_path / "ca.pem"
    bundle.write_text(authority.pem)
    contents = database_assets(environment(example({"database_ca_bundle": str(bundle)})))

    assert contents[f"{ASSETS}/{CA_BUNDLE}"] == bundle.read_bytes()


def test_the_authorities_are_those_of_the_pinned_package() -> None:
    assert published_authorities() == RDS_AUTHORITIES.read_text(), "run make docs"
