"""Deploys a CDK app into the embedded AWS by the CDK's own command line."""

import json
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedded_aws.environment import repository
from embedded_aws.processes import Command, Supervised, log_tail

_QUIET = ("--ci", "--no-color", "--no-notices", "--no-version-reporting")
_TIMEOUT_SECONDS = 300.0
_WITHOUT_VALIDATION = "--no-validation"
"""The CDK validates templates by CloudFormation's rules: that takes more than half of a synthesis.

It finds the same wherever an app is deployed, and ``tests/unit/infra/test_rules.py`` demands that
it finds nothing.
"""

Outputs = Mapping[str, Mapping[str, str]]


class DeploymentFailedError(RuntimeError):
    """The CDK's command line failed; the message quotes the end of what it printed."""


@dataclass(frozen=True, kw_only=True)
class App:
    """A CDK app: the directory of its ``app.py``, what runs it, and the context it is given."""

    directory: Path = field(default_factory=repository)
    python: Path = field(default_factory=lambda: Path(sys.executable))
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Toolkit:
    """The CDK's command line, in an environment that leads to the embedded AWS alone."""

    environment: Mapping[str, str]
    work: Path

    def bootstrap(self, environments: Collection[str]) -> None:
        """Create the bucket and the roles that deployments use, in each ``aws://account/region``."""
        if environments:
            self._run("bootstrap", sorted(environments), self.work)

    def synthesise(self, app: App) -> Path:
        """Run the app and return the directory of the cloud assembly."""
        assembly = self.work / "cdk.out"
        context = [option for item in app.context.items() for option in ("-c", "=".join(item))]
        program = shlex.join([str(app.python), "app.py"])
        options = ["--quiet", _WITHOUT_VALIDATION]
        options += ["--app", program, "--output", str(assembly), *context]
        self._run("synth", options, app.directory)
        return assembly

    def deploy(self, assembly: Path, stacks: Collection[str]) -> Outputs:
        """Deploy stacks of the assembly and return the outputs of each."""
        outputs = self.work / "outputs.json"
        outputs.write_text("{}")
        options = [*sorted(stacks), "--exclusively"]
        options += ["--method=direct", "--require-approval=never", "--progress=events"]
        options += ["--app", str(assembly), "--outputs-file", str(outputs)]
        self._run("deploy", options, self.work)
        deployed: Outputs = json.loads(outputs.read_text())
        return deployed

    def _run(self, subcommand: str, options: Sequence[str], directory: Path) -> None:
        binaries = repository() / "node_modules" / ".bin"
        if not (binaries / "cdk").exists():
            raise DeploymentFailedError(f"there is no CDK in {binaries}: run `npm ci`")
        log = self.work / "logs" / f"cdk-{subcommand}.log"
        log.unlink(missing_ok=True)
        path = f"{binaries}:{self.environment.get('PATH', '')}"
        scratch = self.work / f"cdk-{subcommand}"
        scratch.mkdir(exist_ok=True)
        command = Command(
            name=f"cdk {subcommand}",
            arguments=[str(binaries / "cdk"), subcommand, *options, *_QUIET],
            environment={**self.environment, "PATH": path, "TMPDIR": str(scratch)},
            directory=directory,
            log=log,
            scratch=scratch,
        )
        with Supervised(command) as process:
            status = process.wait(timeout=_TIMEOUT_SECONDS)
        if status != 0:
            raise DeploymentFailedError(
                f"cdk {subcommand} ended with status {status}; the end of {log}:\n{log_tail(log)}"
            )


@dataclass(frozen=True)
class Stack:
    """A stack of a cloud assembly, and where it belongs."""

    name: str
    """As the CDK's command line knows it."""
    environment: str
    """``aws://account/region``, where either may be unknown."""
    needs_bootstrap: bool

    def account(self, default: str) -> str:
        """Return the account it is deployed with, ``default`` where the app leaves that open."""
        named = self.environment.removeprefix("aws://").split("/")[0]
        return default if not named or named.startswith("unknown-") else named


def stacks_of(assembly: Path) -> list[Stack]:
    """Return every stack of an assembly."""
    manifests = [json.loads(file.read_text()) for file in assembly.rglob("manifest.json")]
    return [
        Stack(
            artifact.get("displayName", name),
            artifact.get("environment", ""),
            "requiresBootstrapStackVersion" in artifact["properties"],
        )
        for manifest in manifests
        for name, artifact in manifest.get("artifacts", {}).items()
        if artifact["type"] == "aws:cloudformation:stack"
    ]


def environments_of(stacks: Collection[Stack]) -> frozenset[str]:
    """Return where bootstrapping is needed, as far as the stacks say where they belong."""
    return frozenset(
        stack.environment
        for stack in stacks
        if stack.needs_bootstrap and stack.environment and "unknown-" not in stack.environment
    )
