"""The app that the page about other apps shows is one that the CDK synthesises."""

import json
from functools import partial
from pathlib import Path

import aws_cdk as cdk
import pytest

from tests.unit.docs.pages import page
from tests.unit.infra.synthesis import WITHOUT_BUNDLING, cross_account, put_files


def test_the_documented_app_is_synthesised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "environments"
    folder.mkdir()
    put_files(folder)
    for name in ("staging", "acceptance"):
        role = f"arn:aws:iam::111111111111:role/{name}-source-access"
        changes = {"name_prefix": name, "restores.staging.source.role_arn": role}
        (folder / f"{name}.json").write_text(json.dumps(cross_account(changes)))
    (block,) = (each for each in page("docs/library.md").blocks if each.example == "app")
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "cdk.out"
    monkeypatch.setattr(cdk, "App", partial(cdk.App, context=WITHOUT_BUNDLING, outdir=str(out)))

    exec(compile(block.text, "docs/library.md", "exec"), {})  # noqa: S102 - our own page

    assert {each.name.removesuffix(".template.json") for each in out.glob("*.template.json")} == {
        "Refresh-staging",
        "Refresh-acceptance",
        "RefreshSource-staging-111111111111",
        "RefreshSource-acceptance-111111111111",
    }
