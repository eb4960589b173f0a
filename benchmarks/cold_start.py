"""What a cold start of each function costs, beside bare boto3 that makes the same clients.

Run as ``python -m benchmarks.cold_start [--runs N] [--before CHECKOUT]``; some minutes. Each
measurement is the CPU time of a fresh interpreter that finds nothing but what is deployed. All are
taken in turns, and a figure is a median. Bare boto3 is as pip installs it, or reduced as in the
layer; both are byte-compiled, and both import pg8000 for the functions that log in to a database.
An older checkout is measured in the same run, as it deploys itself.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from aurora_restore.infra.bundles.compiling import compile_folder
from aurora_restore.infra.bundles.dependencies import install, make_layer
from aurora_restore.infra.bundles.handler_code import copy_code
from aurora_restore.reference.repository import REPOSITORY
from aurora_restore.shared.base_handler import BaseHandler
from aurora_restore.shared.initialisation import FUNCTION_NAME
from aurora_restore.shared.pipeline import STEPS, Step

AIM: Final = 1.25
RUNS: Final = 9
VARIABLES: Final = {
    FUNCTION_NAME: "measured",
    "AWS_REGION": "us-west-2",
    "AWS_DEFAULT_REGION": "us-west-2",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "LAMBDA_TASK_ROOT": "/var/task",
}
"""As much of a function's environment as what it loads depends on."""

BARE: Final = ("bare", "reduced")
"""What a function is compared with: boto3 as pip installs it, and the layer's own."""

TOOLS: Final = "import boto3\nfrom aws_lambda_powertools import Logger, Metrics, Tracer"
PARTS: Final = {
    "the interpreter": "pass",
    "boto3": "import boto3",
    "boto3, Powertools": TOOLS,
    "boto3, Powertools, X-Ray SDK": f"{TOOLS}\nTracer(patch_modules=('botocore',))",
    "boto3, pg8000": "import boto3, pg8000.native",
}
"""Programs that show what a package costs."""


@dataclass(frozen=True)
class Program:
    """What a fresh interpreter runs, and where it finds its packages."""

    text: str
    packages: tuple[Path, ...]

    def cpu_seconds(self) -> float:
        """Run it, and return the CPU time that it took."""
        begun = _children()
        paths = [str(each) for each in self.packages]
        text = f"import sys\nsys.path[:0] = {paths}\n{self.text}"
        subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-S", "-B", "-c", text], env=VARIABLES, check=True
        )
        return _children() - begun


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True)
class Bundle:
    """The folders that one way to deploy the functions, or bare boto3, puts on the search path."""

    code: Path
    layer: Path

    @property
    def packages(self) -> tuple[Path, ...]:
        """Return them in the order of Lambda."""
        return (self.code, self.layer / "python")


def services_of(step: Step) -> tuple[str, ...]:
    """Return the services whose clients a step's function makes while it is loaded."""
    handler = import_module(f"aurora_restore.lambdas.{step.module}").handler
    if not isinstance(handler, BaseHandler):
        raise TypeError(f"{step.module} has no handler")
    return handler.clients_at_load


def bare(step: Step, installed: Bundle) -> Program:
    """Return the program of bare boto3 that makes a step's clients."""
    lines = ["import boto3", *(["import pg8000.native"] if step.reaches_database else [])]
    lines += [f"for service in {services_of(step)}:", "    boto3.client(service)"]
    return Program("\n".join(lines), installed.packages)


def loaded(step: Step, bundle: Bundle) -> Program:
    """Return the program that loads a step's function, which makes its clients."""
    return Program(f"import {_module(step)}", bundle.packages)


def loaded_before(step: Step, bundle: Bundle) -> Program:
    """Return the program that loads an older function, and makes the same clients after that."""
    lines = [
        f"import {_module(step)}",
        "from aurora_restore.shared.aws_utils import default_clients",
        f"for service in {services_of(step)}:",
        "    default_clients()._client(service)",
    ]
    return Program("\n".join(lines), bundle.packages)


def _module(step: Step) -> str:
    return step.handler.rpartition(".")[0]


def deployed(folder: Path, *, compiled: bool) -> Bundle:
    """Make what this checkout deploys, with byte code of this interpreter or without."""
    bundle = Bundle(folder / "code", folder / "layer")
    make_layer(bundle.layer / "python")
    copy_code(bundle.code)
    if compiled:
        for part in (bundle.code, bundle.layer):
            compile_folder(sys.executable, part, place=str(part))
    return bundle


def deployed_before(folder: Path, checkout: Path) -> Bundle:
    """Make what an older checkout deploys, by its own code."""
    bundle = Bundle(folder / "code", folder / "layer")
    program = (
        "import sys, pathlib\n"
        "from aurora_restore.infra.bundles.dependencies import make_layer\n"
        "make_layer(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run(  # noqa: S603
        [sys.executable, "-c", program, str(bundle.layer / "python")], cwd=checkout, check=True
    )
    copy_code(bundle.code, checkout)
    return bundle


def installed(folder: Path) -> Bundle:
    """Make the packages as pip installs them, byte-compiled, and without a function."""
    bundle = Bundle(folder / "code", folder / "layer")
    install(bundle.layer / "python")
    bundle.code.mkdir()
    compile_folder(sys.executable, bundle.layer, place=str(bundle.layer))
    return bundle


def medians(programs: Mapping[str, Program], runs: int) -> dict[str, float]:
    """Return the median of each program's CPU time in milliseconds, measured in turns."""
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(runs):
        for name, program in programs.items():
            taken[name].append(program.cpu_seconds())
    return {name: statistics.median(each) * 1000 for name, each in taken.items()}


def programs(folder: Path, checkout: Path | None) -> Iterator[tuple[str, Program]]:
    """Yield everything that is measured, by a name."""
    boto3 = installed(folder / "installed")
    ways = {
        "compiled": deployed(folder / "compiled", compiled=True),
        "plain": deployed(folder / "plain", compiled=False),
    }
    before = None if checkout is None else deployed_before(folder / "before", checkout)
    yield from ((name, Program(text, boto3.packages)) for name, text in PARTS.items())
    for step in STEPS:
        yield f"{step.name} bare", bare(step, boto3)
        yield f"{step.name} reduced", bare(step, ways["compiled"])
        for way, bundle in ways.items():
            yield f"{step.name} {way}", loaded(step, bundle)
        if before is not None:
            yield f"{step.name} before", loaded_before(step, before)


def table(taken: Mapping[str, float]) -> Iterator[str]:
    """Yield a line for each function, and the highest ratios."""
    columns = ("bare", "reduced", "before", "plain", "compiled", "to bare", "to reduced")
    yield f"{'milliseconds of CPU':<20}" + "".join(f"{name:>11}" for name in columns)
    ratios = []
    for step in STEPS:
        own = {way: taken.get(f"{step.name} {way}") for way in columns[:5]}
        shown = ["-" if each is None else f"{each:.0f}" for each in own.values()]
        compared = [taken[f"{step.name} compiled"] / taken[f"{step.name} {to}"] for to in BARE]
        ratios.append(compared)
        cells = (*shown, *(f"{ratio:.2f}" for ratio in compared))
        yield f"{step.name:<20}" + "".join(f"{cell:>11}" for cell in cells)
    highest = " and ".join(f"{max(each):.2f}" for each in zip(*ratios, strict=True))
    yield f"the highest ratios are {highest}; the aim is at most {AIM}"


def main() -> None:
    """Measure everything, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start")
    parser.add_argument("--runs", type=int, default=RUNS, help="how often each is measured")
    parser.add_argument("--before", type=Path, help="an older checkout, measured beside this one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        taken = medians(dict(programs(Path(folder), given.before)), given.runs)
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Python {version}; medians of {given.runs}; {REPOSITORY.name}\n")
    print(*table(taken), sep="\n")
    print("\nmilliseconds of CPU, byte-compiled")
    for name in PARTS:
        print(f"{name:<30}{taken[name]:>5.0f}")


if __name__ == "__main__":
    main()
