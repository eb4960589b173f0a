"""Deploys the stacks of a self-test by the CDK's command line, as for any environment."""

import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import boto3

from aurora_restore.cli.errors import CommandError, usage
from aurora_restore.cli.exit_codes import ExitCode
from aurora_restore.cli.selftest import tether
from aurora_restore.cli.selftest.configuration import SQL
from aurora_restore.deployed_code import IMPORT_ROOT
from aurora_restore.proof.naming import environment_name
from aurora_restore.proof.settings import CONTEXT, SelfTestSettings

APP: Final = "aurora_restore.infra.selftest"
"""The module that makes the stacks of a self-test."""
_QUIET: Final = ("--ci", "--no-color", "--no-notices", "--no-version-reporting")
_SHOWN_LINES: Final = 15
_LIMIT_SECONDS: Final = 3600.0
_SCRIPTS: Final = IMPORT_ROOT / "aurora_restore" / "proof" / "sql"
_CREDENTIALS: Final = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
    "AWS_DEFAULT_PROFILE",
)


def require_cdk() -> Path:
    """Return the CDK's command line: that of a checkout, or else the one on the path.

    Raises CommandError where it, or the CDK's Python package, is not there.
    """
    if importlib.util.find_spec("aws_cdk") is None:
        raise usage(
            "The self-test deploys by the CDK, whose Python package is not installed. Run "
            "`make setup` in a checkout, or install `aurora-restore[cdk]`."
        )
    pinned = IMPORT_ROOT / "node_modules" / ".bin" / "cdk"
    found = str(pinned) if pinned.exists() else shutil.which("cdk")
    if found is None:
        raise usage(
            f"The CDK's command line is neither in {pinned.parent} nor on the path. Run `npm ci` "
            "in a checkout, or `npm install -g aws-cdk`."
        )
    return Path(found)


class Deployer(Protocol):
    """What deploys the stacks of a run."""

    def deploy_source(self, stack: str, settings: SelfTestSettings) -> Mapping[str, str]:
        """Deploy the first stack, and return its outputs."""

    def deploy_environment(
        self, stack: str, settings: SelfTestSettings, document: Mapping[str, Any]
    ) -> None:
        """Deploy the run's environment from the document of a configuration file."""


@dataclass(frozen=True)
class CdkDeployer:
    """The CDK's command line with the credentials of a session."""

    session: boto3.Session
    cdk: Path
    work: Path
    """Where the cloud assemblies, the configuration and the logs are."""

    def deploy_source(self, stack: str, settings: SelfTestSettings) -> Mapping[str, str]:
        """See :class:`Deployer`."""
        return self._deploy(stack, {CONTEXT: settings.to_json()})

    def deploy_environment(
        self, stack: str, settings: SelfTestSettings, document: Mapping[str, Any]
    ) -> None:
        """See :class:`Deployer`."""
        name = environment_name(settings.run)
        folder = self.work / "config"
        write_configuration(folder, name, document)
        self._deploy(
            stack,
            {CONTEXT: settings.to_json(), "environment": name, "config_dir": str(folder)},
        )

    def _deploy(self, stack: str, context: Mapping[str, str]) -> Mapping[str, str]:
        """Deploy a stack of the self-test's app with a context, and return its outputs."""
        outputs = self.work / f"{stack}.json"
        outputs.write_text("{}", encoding="utf-8")
        app = shlex.join([sys.executable, "-m", APP])
        options = [option for item in context.items() for option in ("-c", "=".join(item))]
        self._run(
            stack,
            [
                *("deploy", stack, "--exclusively", "--method=direct"),
                *("--require-approval=never", "--progress=events"),
                *("--app", app, "--output", str(self.work / f"{stack}.out")),
                *("--outputs-file", str(outputs), *options, *_QUIET),
            ],
        )
        deployed: Mapping[str, Mapping[str, str]] = json.loads(outputs.read_text(encoding="utf-8"))
        return deployed.get(stack, {})

    def _run(self, stack: str, arguments: Sequence[str]) -> None:
        """Run the CDK until it ends. It is ended if this process is, however that happens."""
        log = self.work / f"{stack}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", tether.MODULE, str(self.cdk), *arguments],
                cwd=IMPORT_ROOT,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                status = process.wait(_LIMIT_SECONDS)
            except subprocess.TimeoutExpired as error:
                raise CommandError(
                    f"`cdk deploy {stack}` was still running after {_LIMIT_SECONDS:.0f} s; {log} "
                    "says how far it has come.",
                    ExitCode.UNFINISHED,
                ) from error
            finally:
                if process.stdin is not None:
                    process.stdin.close()
                process.wait()
        if status:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            ending = "\n".join(lines[-_SHOWN_LINES:])
            raise CommandError(
                f"`cdk deploy {stack}` has failed with status {status}. The end of {log}:\n"
                f"{ending}",
                ExitCode.FAILED,
            )

    def _environment(self) -> dict[str, str]:
        """Return the variables of this process, with the session's credentials for the others."""
        kept = {name: value for name, value in os.environ.items() if name not in _CREDENTIALS}
        credentials = self.session.get_credentials()
        if credentials is None:
            raise usage("There are no usable AWS credentials. Name a profile with --profile.")
        frozen = credentials.get_frozen_credentials()
        binaries = f"{self.cdk.parent}{os.pathsep}{kept.get('PATH', '')}"
        given = {
            "AWS_ACCESS_KEY_ID": frozen.access_key,
            "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
            "AWS_SESSION_TOKEN": frozen.token,
            "AWS_REGION": self.session.region_name,
            "AWS_DEFAULT_REGION": self.session.region_name,
            "PATH": binaries,
            # By rules for templates, which no account changes and the tests of the app check.
            "CDK_VALIDATION": "false",
        }
        return kept | {name: value for name, value in given.items() if value}


def write_configuration(folder: Path, name: str, document: Mapping[str, Any]) -> None:
    """Write the configuration file of an environment, and the scripts that it names beside it."""
    shutil.copytree(_SCRIPTS, folder / SQL, dirs_exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(document, indent=2), encoding="utf-8")


def remove_work(folder: Path) -> None:
    """Remove the assemblies, the configuration and the logs of a run."""
    shutil.rmtree(folder, ignore_errors=True)
