"""Where results go: a file that is whole or not there, or stdout; the ending says the format."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

import tinycog
from tinycog.commands.printing import say
from tinycog.errors import UsageError
from tinycog.exporting.parts import PartFile
from tinycog.exporting.to_array import npy_head
from tinycog.extras import check_installed
from tinycog.targets.file_errors import writing

STDOUT = "-"

NO_EXTRAS: Mapping[str, Sequence[str]] = MappingProxyType({})

FOLDERS = (".zarr", ".parq", ".parquet")
"""Endings of what is a folder."""


@dataclass(frozen=True)
class OutputFile:
    """A file that a command will write.

    Attributes:
        name: path, or - for stdout.
        ending: what says the format, with its dot, in lower case.
    """

    name: str
    ending: str

    @property
    def is_stdout(self) -> bool:
        """Return whether it goes to stdout."""
        return self.name == STDOUT

    @property
    def shown(self) -> str:
        """Return its name for messages."""
        return "standard output" if self.is_stdout else self.name

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        """Write bytes: the file is there in the end, and whole, or as it was before.

        Raises:
            SourceError: it cannot be written; it names the file.
        """
        if self.is_stdout:
            with writing("standard output"):
                for part in parts:
                    _write_all(sys.stdout.buffer, memoryview(part))
                sys.stdout.buffer.flush()
            return
        if is_pipe(self.name):
            with writing(self.name), Path(self.name).open("wb", buffering=0) as file:
                for part in parts:
                    _write_all(file, memoryview(part))
            return
        path = Path(os.path.realpath(self.name))  # a link stays one
        _replace(path, [memoryview(part) for part in parts])

    async def write_cog(self, raster: tinycog.Raster, **facts: object) -> None:
        """Write a raster as a Cloud Optimized GeoTIFF; `facts` are further options of the writer.

        Raises:
            TinycogError: it cannot be written.
        """
        write: Any = tinycog.write
        with open_target(self.name) as where:
            await write(where, raster, **facts)


def output_file(
    name: str,
    endings: Sequence[str],
    default: str | None = None,
    extras: Mapping[str, Sequence[str]] = NO_EXTRAS,
) -> OutputFile:
    """Check where a result is to go, before anything is read.

    Args:
        name: path, or - for stdout.
        endings: those that are possible.
        default: format of stdout.
        extras: of endings: name of the extra, and the packages that it installs.

    Raises:
        UsageError: the ending is none of them, its extra is missing, there is no such folder, or
            it is a folder itself.
    """
    if name == STDOUT:
        if default is None:
            message = f"-o - has no ending: say --format, one of {listed(endings)}"
            raise UsageError(message)
        return OutputFile(name, default)
    path = Path(name)
    ending = path.suffix.lower()
    if ending not in endings:
        message = f"cannot write {name}: expected a name that ends with {listed(endings)}"
        raise UsageError(message)
    if ending in extras:
        check_installed(*extras[ending])
    check_folder(name, may_be_one=ending in FOLDERS)
    return OutputFile(name, ending)


def check_target(name: str) -> None:
    """Check where a command writes itself: a path, a url, or - for stdout.

    Raises:
        UsageError: as for `check_folder`.
    """
    if name != STDOUT and "://" not in name:
        check_folder(name, may_be_one=Path(name).suffix.lower() in FOLDERS)


def is_pipe(name: str) -> bool:
    """Return whether a path is there that takes bytes and is no file: a pipe, a device.

    A link to a pipe of no name, as /dev/stdout may be, is one.
    """
    path = Path(name)
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def open_target(name: str) -> Generator[BinaryIO | str]:
    """Give what a command's `tinycog.write` writes to: stdout or a pipe open, else the name."""
    if name == STDOUT:
        yield sys.stdout.buffer
    elif "://" not in name and is_pipe(name):
        with writing(name), Path(name).open("wb") as file:
            yield file
    else:
        yield name


def check_folder(name: str, *, may_be_one: bool = False) -> None:
    """Check that a file of a name can be made.

    Raises:
        UsageError: there is no such folder, or it is a folder itself.
    """
    path = Path(name)
    if not path.parent.is_dir():
        message = f"cannot write {name}: there is no folder {path.parent}: make it first"
        raise UsageError(message)
    if path.is_dir() and not may_be_one:
        message = f"cannot write {name}: it is a folder; take another name"
        raise UsageError(message)


def save_raster(
    raster: tinycog.Raster, out: OutputFile, args: argparse.Namespace, *, raw: bool
) -> None:
    """Write a raster as a picture or as an array, and tell of it.

    Args:
        raster: what was read.
        out: of `output_file`, `.png` or `.npy`.
        args: of the command.
        raw: write samples to a `.png` as they are, instead of a picture for the eye.

    Raises:
        UsageError: PNG cannot hold it.
        SourceError: it cannot be written.
    """
    out.write([raster.to_png(raw=raw)] if out.ending == ".png" else npy(raster.data))
    note(f"wrote {out.shown}", args, out)


def note(text: str, args: argparse.Namespace, out: OutputFile | None = None) -> None:
    """Print what was done, unless that is not wanted; to stderr where stdout takes the result."""
    if not args.quiet:
        say(text, sys.stderr if out is not None and out.is_stdout else None)


def npy(data: NDArray[Any]) -> list[bytes | memoryview]:
    """Return an array as the parts of a .npy file."""
    data = np.ascontiguousarray(data)
    return [npy_head(data.shape, data.dtype), data.reshape(-1).view(np.uint8).data]


def listed(endings: Sequence[str]) -> str:
    """Return names as a text: .png, .npy or .tif."""
    *most, last = endings
    return f"{', '.join(most)} or {last}" if most else last


def _write_all(file: BinaryIO | io.FileIO, part: memoryview) -> None:
    """Write all of it: a file without a buffer, as stdout may be, takes what it can at once."""
    rest = part.cast("B") if part.nbytes else part
    while rest.nbytes:
        rest = rest[file.write(rest) or 0 :]


def _replace(path: Path, parts: Sequence[memoryview]) -> None:
    file, position = PartFile(path), 0
    try:
        file.open(sum(part.nbytes for part in parts), again=False)
        for part in parts:
            file.write([part], position)
            position += part.nbytes
        file.publish(overwrite=True)
    finally:
        with suppress(OSError):
            file.remove()
