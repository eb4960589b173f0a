"""Assets that are made by a Python function, without Docker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jsii
from aws_cdk import BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_

FOLDER_MODE: Final = 0o755
FILE_MODE: Final = 0o644


def bundled_code(*, digest: str, write: Callable[[Path], None]) -> lambda_.Code:
    """Return the asset that ``write`` puts into a folder.

    CDK keeps it under ``digest`` in ``cdk.out``. It skips ``write`` if the asset is there already,
    and for commands that need no assets. Every file may be read by everyone, as Lambda needs it,
    whatever the umask here is.
    """
    return lambda_.Code.from_asset(
        str(Path(__file__).parent),
        asset_hash=digest,
        bundling=BundlingOptions(
            image=DockerImage.from_registry("none"), local=_LocalBundling(write)
        ),
    )


@jsii.implements(ILocalBundling)
class _LocalBundling:
    def __init__(self, write: Callable[[Path], None]) -> None:
        self._write = write

    def try_bundle(self, output_dir: str, *_args: Any, **_kwargs: Any) -> bool:
        folder = Path(output_dir)
        self._write(folder)
        for each in (folder, *folder.rglob("*")):
            each.chmod(FOLDER_MODE if each.is_dir() else FILE_MODE)
        return True
