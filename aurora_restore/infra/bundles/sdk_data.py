"""The descriptions of AWS's services in botocore, without what the functions never read.

To make a client, botocore reads its service's description, and the endpoints of all services in
one file. As they come, most of them is text for people, and services that nothing here calls.
"""

import gzip
import json
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

_ENDPOINTS: Final = "endpoints.json"


def reduce_descriptions(data: Path, services: Collection[str]) -> None:
    """Keep of botocore's ``data`` folder what clients of some services read.

    That is the latest version of each, without documentation and examples, and its endpoints. The
    files are neither compressed nor indented, which takes time at each start.
    """
    prefixes = set(services)
    for folder in sorted(each for each in data.iterdir() if each.is_dir()):
        if folder.name not in services:
            shutil.rmtree(folder)
            continue
        *old, latest = sorted(folder.iterdir())
        for version in old:
            shutil.rmtree(version)
        for file in sorted(latest.iterdir()):
            _rewrite(file)
        model = json.loads((latest / "service-2.json").read_text(encoding="utf-8"))
        prefixes.add(model["metadata"]["endpointPrefix"])
    endpoints = json.loads((data / _ENDPOINTS).read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        partition["services"] = {
            name: found for name, found in partition["services"].items() if name in prefixes
        }
    _write(data / _ENDPOINTS, endpoints)


def _rewrite(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()
    if file.name.startswith("examples-"):
        return
    if file.suffix == ".gz":
        file, content = file.with_suffix(""), gzip.decompress(content)
    _write(file, _without_documentation(json.loads(content)))


def _write(file: Path, document: Any) -> None:
    file.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


def _without_documentation(value: Any) -> Any:
    """Return a description without its texts. A member that is called so is no text."""
    if isinstance(value, dict):
        return dict(_fields(value))
    if isinstance(value, list):
        return [_without_documentation(each) for each in value]
    return value


def _fields(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, each in value.items():
        if not (name == "documentation" and isinstance(each, str)):
            yield name, _without_documentation(each)
