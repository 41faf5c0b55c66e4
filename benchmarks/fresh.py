"""Run a benchmark in a fresh environment that has the newest tinycog, imagecodecs and peers.

    python benchmarks/fresh.py read.py --quick --peers tinycog,rasterio
    python benchmarks/fresh.py --python python3.13 --keep start.py --latency 20

The environment is made anew in benchmarks/.fresh, unless `--keep` is given and it is there: tinycog
of this clone with the newest version of everything that it needs, and all peers that are Python
packages. What follows the name of the benchmark are its own arguments.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WHERE = HERE / ".fresh"
PEERS = ("rasterio", "async-tiff", "async-geotiff", "obstore", "tifffile", "uvloop", "psutil")
"""Packages that `read.py`, `start.py` and `write.py` measure beside tinycog, or need."""


def make(python: str) -> None:
    """Make the environment, and print what is in it."""
    shutil.rmtree(WHERE, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(WHERE)], check=True)  # noqa: S603
    pip = [str(interpreter()), "-m", "pip", "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--upgrade", "--upgrade-strategy", "eager"]
    subprocess.run([*install, "imagecodecs", str(HERE.parent), *PEERS], check=True)  # noqa: S603
    subprocess.run([*pip, "list", "--format", "freeze"], check=True)  # noqa: S603


def interpreter() -> Path:
    """Return the Python of the environment."""
    return WHERE / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def main() -> None:
    """Make the environment, run the benchmark, and end with its status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="the Python that it is made of")
    parser.add_argument("--keep", action="store_true", help="use the one that is there")
    parser.add_argument("benchmark", help="a file of benchmarks/: read.py, start.py, ...")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if not (args.keep and interpreter().exists()):
        make(args.python)
    command = [str(interpreter()), str(HERE / args.benchmark), *args.arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    sys.exit(subprocess.run(command, check=False, env=environment).returncode)  # noqa: S603


if __name__ == "__main__":
    main()
