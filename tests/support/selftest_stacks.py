"""Deploys the stacks of one self-test after the other, synthesised once for all of them."""

import json
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aurora_restore.cli.selftest.configuration import RESTORE, environment_document
from aurora_restore.cli.selftest.deploying import APP, write_configuration
from aurora_restore.proof.naming import environment_name
from aurora_restore.proof.settings import CONTEXT, OUTPUTS, SelfTestSettings
from aurora_restore.reference.repository import REPOSITORY
from embedded_aws.aws import EmbeddedAws
from embedded_aws.cdk import DeploymentFailedError
from tests.support.cdk_app import WITHOUT_VALIDATION, run_app

_OUTPUTS = {
    **{name: f"{name.lower()}-0d15ea5e" for name in OUTPUTS},
    "VpcId": "vpc-0d15ea5e000000001",
    "SubnetA": "subnet-0d15ea5e000000002",
    "SubnetB": "subnet-0d15ea5e000000003",
    "FunctionGroup": "sg-0d15ea5e000000004",
    "DatabaseGroup": "sg-0d15ea5e000000005",
}
"""What the outputs of the first stack are taken to be, while the environment is synthesised."""
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class SynthesisedStack:
    """A stack as the CDK hands it to CloudFormation."""

    template: str
    tags: Mapping[str, str]


@dataclass
class SelfTestStacks:
    """The stacks of any run, made from those of one, with its assets in the CDK's bucket.

    It is to a run what the CDK's command line is, which takes half a minute for each stack.
    """

    aws: EmbeddedAws
    folder: Path
    settings: SelfTestSettings
    """Those of the run for which the stacks are synthesised."""
    _source: SynthesisedStack = field(init=False)
    _environments: Mapping[str, SynthesisedStack] = field(init=False)
    """By the strategy."""
    _outputs: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Synthesise the stacks."""
        self._source = self._synthesise("source", {})
        self._environments = {each: self._environment(each) for each in ("replace", "switch")}

    def settings_of(self, run: str) -> SelfTestSettings:
        """Return what another run is made of."""
        return replace(self.settings, run=run)

    def deploy_source(self, stack: str, settings: SelfTestSettings) -> Mapping[str, str]:
        """See :class:`~aurora_restore.cli.selftest.deploying.Deployer`."""
        self._outputs = self._deploy(stack, self._source, {self.settings.run: settings.run})
        return self._outputs

    def deploy_environment(
        self, stack: str, settings: SelfTestSettings, document: Mapping[str, Any]
    ) -> None:
        """See :class:`~aurora_restore.cli.selftest.deploying.Deployer`."""
        strategy = document["restores"][RESTORE]["target"]["strategy"]
        known = {_OUTPUTS[name]: value for name, value in self._outputs.items()}
        instead = {**known, self.settings.run: settings.run}
        self._deploy(stack, self._environments[strategy], instead)

    def _environment(self, strategy: str) -> SynthesisedStack:
        name, config = environment_name(self.settings.run), self.folder / f"{strategy}-config"
        write_configuration(config, name, environment_document(self.settings, _OUTPUTS, strategy))
        return self._synthesise(strategy, {"environment": name, "config_dir": str(config)})

    def _synthesise(self, name: str, context: Mapping[str, str]) -> SynthesisedStack:
        """Run the app for a stack, publish its assets, and return the stack."""
        assembly = self.folder / name
        run_app(
            [sys.executable, "-m", APP],
            REPOSITORY,
            {CONTEXT: self.settings.to_json(), **context},
            assembly,
            WITHOUT_VALIDATION,
        )
        manifest = _read(assembly / "manifest.json")
        (properties,) = (
            each["properties"]
            for each in manifest["artifacts"].values()
            if each["type"] == "aws:cloudformation:stack"
        )
        for assets in assembly.glob("*.assets.json"):
            self._publish(assembly, _read(assets))
        template = (assembly / properties["templateFile"]).read_text(encoding="utf-8")
        return SynthesisedStack(template, properties["tags"])

    def _publish(self, assembly: Path, assets: Mapping[str, Any]) -> None:
        for asset in assets["files"].values():
            file = assembly / asset["source"]["path"]
            if asset["source"]["packaging"] == "zip":
                file = Path(shutil.make_archive(str(file), "zip", file))
            for place in asset["destinations"].values():
                self.aws.client("s3").upload_file(
                    str(file), place["bucketName"], place["objectKey"]
                )

    def _deploy(
        self, name: str, stack: SynthesisedStack, instead: Mapping[str, str]
    ) -> Mapping[str, str]:
        template, tags = stack.template, json.dumps(stack.tags)
        for known, other in instead.items():
            template, tags = template.replace(known, other), tags.replace(known, other)
        # A template that is longer than 51,200 bytes has to be in S3.
        bucket = f"cdk-hnb659fds-assets-{self.settings.account}-{self.settings.region}"
        self.aws.client("s3").put_object(Bucket=bucket, Key=name, Body=template.encode())
        formation = self.aws.client("cloudformation")
        formation.create_stack(
            StackName=name,
            TemplateURL=f"https://s3.amazonaws.com/{bucket}/{name}",
            Tags=[{"Key": key, "Value": value} for key, value in json.loads(tags).items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            (found,) = formation.describe_stacks(StackName=name)["Stacks"]
            if found["StackStatus"] == "CREATE_COMPLETE":
                return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
            if found["StackStatus"] != "CREATE_IN_PROGRESS" or time.monotonic() >= deadline:
                raise DeploymentFailedError(f"{name}: {found}")
            time.sleep(_LOOK_SECONDS)


def _read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document
