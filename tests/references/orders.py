"""The command: our codec beside packages that fight over names, installed in every order.

    python tests/references/orders.py            # `make references-orders`; needs the network

Makes six environments on top of the one that it runs in, installs virtual-tiff, imagecodecs-zarr
and tinycog in each order, and reads files through references, by entry points alone. Exit status 1
if pixels differ in any, or if a warning comes from tinycog or names its codec.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import sysconfig
import tempfile
import venv
from itertools import permutations
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = ROOT / "fixtures" / "files"
NAMES = (
    "cog-deflate-u8",
    "cog-none-u8",
    "cog-jpeg-ycbcr-mask",
    "cog-lerc-zstd-u16",
    "cog-lzw-i16-p2",
    "cog-webp-rgba",
    "cog-zstd-f32-p3",
    "strip-be-planar-u16-p2",
)
OTHERS = ("virtual-tiff==0.5.0", "imagecodecs-zarr")


def read_all() -> dict[str, Any]:
    """Read every file by each way in this environment; return digests and warnings of ours."""
    import asyncio  # noqa: PLC0415 - in an environment of its own
    import warnings  # noqa: PLC0415

    import zarr  # noqa: PLC0415
    from fsspec.implementations.reference import ReferenceFileSystem  # noqa: PLC0415
    from zarr.storage import FsspecStore  # noqa: PLC0415

    import tinycog  # noqa: PLC0415

    digests: dict[str, str] = {}

    async def read(path: Path, codecs: tinycog.ReferenceCodecs, zarr_format: int) -> None:
        cog = await tinycog.open(path)
        pixels = (await cog.read(masked=False)).data
        key = f"{path.stem} {codecs} v{zarr_format}"
        try:
            made = await cog.references(codecs=codecs, zarr_format=zarr_format, levels=0)
        except tinycog.UnsupportedError as error:
            digests[key] = error.feature
            return
        fs = ReferenceFileSystem(made, asynchronous=True, remote_protocol="file")
        group = zarr.open_group(FsspecStore(fs, read_only=True), mode="r")
        array: Any = group["0"]
        found = await asyncio.to_thread(lambda: array[...])
        same = found.tobytes() == pixels.tobytes()
        digests[key] = hashlib.sha256(found.tobytes()).hexdigest() if same else "OTHER PIXELS"

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in NAMES:
            for codecs in ("numcodecs", "tinycog"):
                for zarr_format in (2, 3):
                    asyncio.run(read(FILES / f"{name}.tif", codecs, zarr_format))
    ours = [
        f"{each.category.__name__}: {each.message} ({each.filename})"
        for each in caught
        if "tinycog" in str(each.message) or "tinycog" in each.filename
    ]
    return {"digests": digests, "warnings": ours, "others": len(caught) - len(ours)}


def run(*command: str | Path) -> str:
    """Run a command, and return what it writes."""
    done = subprocess.run(  # noqa: S603 - our own commands
        [str(part) for part in command], check=True, capture_output=True, text=True
    )
    return done.stdout


def main() -> int:
    """Make the environments, read in each, and compare."""
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder) / "wheels"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        run(*pip, "wheel", "-q", "--no-deps", "-w", wheels, ROOT)
        run(*pip, "download", "-q", "--no-deps", "-d", wheels, *OTHERS)
        packages = [next(wheels.glob(f"{name}*.whl")) for name in ("virtual_tiff", "imagecodecs")]
        packages.append(next(wheels.glob("tinycog*.whl")))
        for n, order in enumerate(permutations(packages)):
            place = Path(folder) / f"env{n}"
            venv.create(place)
            python = place / "bin" / "python"
            own = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
            (Path(own.strip()) / "below.pth").write_text(sysconfig.get_path("purelib") + "\n")
            for wheel in order:
                run(*pip, "--python", python, "install", "-q", "--no-deps", "--no-index", wheel)
            result = json.loads(run(python, "-P", __file__, "--read"))
            names = ", ".join(wheel.name.partition("-")[0] for wheel in order)
            sys.stdout.write(
                f"{names}: {len(result['digests'])} reads, {len(result['warnings'])} warnings of"
                f" ours, {result['others']} of others\n"
            )
            sys.stdout.writelines(f"  {text}\n" for text in result["warnings"])
            results.append(result)
    same = all(result["digests"] == results[0]["digests"] for result in results)
    wrong = "OTHER PIXELS" in str(results)
    warned = any(result["warnings"] for result in results)
    sys.stdout.write(f"the same pixels in all: {same and not wrong}; warnings of ours: {warned}\n")
    return int(wrong or warned or not same)


if __name__ == "__main__":
    if "--read" in sys.argv:
        sys.stdout.write(json.dumps(read_all()))
    else:
        sys.exit(main())
