"""Read the TIFFs beside another: its overviews (`.ovr`), its mask (`.msk`), and those of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tinycog.cache.protocol import Cache
from tinycog.checks import Pinning
from tinycog.errors import (
    Finding,
    FormatError,
    NotTiffError,
    RangeNotSatisfiableError,
    TruncatedError,
    UnsupportedError,
)
from tinycog.fetch.attempt import Request
from tinycog.fetch.single_flight import side_by_side
from tinycog.limits import Limits
from tinycog.reader.absent import none_if_absent
from tinycog.reader.open_file import OpenArguments, OpenFile
from tinycog.reader.page_bytes import HEAD_BYTES
from tinycog.reader.tile_reader import TileReader
from tinycog.sources.protocol import Source
from tinycog.tiff.beside import MASK_RULE, OVERVIEWS_RULE, with_mask, with_overviews
from tinycog.tiff.c_number import leading_number
from tinycog.tiff.roles import Pyramid

OVERVIEWS, MASK, MASK_OVERVIEWS = ".ovr", ".msk", ".msk.ovr"

FLAGS = "INTERNAL_MASK_FLAGS_"
"""Items of a `.msk`, one for each band of the file: what its mask is."""

PER_DATASET = 2
"""Flag of a mask that is that of all bands."""


class ImagesBeside:
    """The TIFFs beside a TIFF.

    Attributes:
        findings: why one that is there is not read.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        limits: Limits,
        reader: TileReader,
        pinning: Pinning = "strict",
        cache: Cache | None = None,
    ) -> None:
        """Keep the sources, by what their names end with; `reader` reads their tiles."""
        self.findings: list[Finding] = []
        self._files = {
            ending: OpenFile(
                OpenArguments(source, limits, HEAD_BYTES, pinning=pinning, cache=cache)
            )
            for ending, source in sources.items()
        }
        self._found: dict[str, OpenFile] = {}
        for ending, file in self._files.items():
            file.join(reader, ending)

    @property
    def log(self) -> list[Request]:
        """The requests so far, each with the file's ending."""
        return [
            request._replace(sidecar=ending)
            for ending, file in self._files.items()
            for request in file.log
        ]

    @property
    def has_mask(self) -> bool:
        """Whether one holds a mask, which is that of the file unless it has its own."""
        return MASK in self._found

    def file(self, ending: str) -> OpenFile:
        """Return the file of that ending, which exists."""
        return self._found[ending]

    async def read(self) -> None:
        """Read the headers of those that exist, side by side; of a mask's overviews, after it.

        Raises:
            FormatError: the mask cannot be read.
            SourceError: whether one exists cannot be known, or it cannot be read.
        """
        self.findings.clear()
        self._found.clear()
        await side_by_side(self._read(OVERVIEWS), self._read_mask())

    async def _read_mask(self) -> None:
        await self._read(MASK)
        if not self.has_mask:
            return
        if not _flags(self._found[MASK]):
            file = self._found.pop(MASK)
            self.findings.append(Finding(MASK_RULE, f"{file.name} is ignored: no {FLAGS}1 in it"))
            return
        await self._read(MASK_OVERVIEWS)

    async def _read(self, ending: str) -> None:
        """Read the header of a file, all of it; one that is no TIFF is ignored."""
        file = self._files[ending]
        try:
            found = await none_if_absent(file.read_all(), file.name, self.findings)
        except (NotTiffError, RangeNotSatisfiableError) as exc:
            text = f"{file.name} is no TIFF, and is ignored: {exc}"
            self.findings.append(Finding("gdal.sidecar.names", text))
        except FormatError as exc:
            if ending == MASK and not _is_empty(file, exc):
                raise
            text = f"{file.name} is ignored: {exc}"
            self.findings.append(Finding(OVERVIEWS_RULE, text))
        else:
            if found is not None:
                self._found[ending] = file

    def add_to(self, pyramid: Pyramid) -> Pyramid:
        """Return the images of a file, all of which are known, with those beside it.

        Raises:
            FormatError: the mask has not the size of level 0.
            UnsupportedError: bands have masks of their own.
        """
        overviews, mask = self._found.get(OVERVIEWS), self._found.get(MASK)
        if overviews is not None:
            pyramid = with_overviews(pyramid, overviews.pyramid, OVERVIEWS, overviews.name)
        if mask is None:
            return pyramid
        if pyramid.masks[0] is None:
            _check_flags(mask, pyramid.levels[0].samples)
        masks = [
            replace(image, sidecar=ending)
            for ending in (MASK, MASK_OVERVIEWS)
            if (file := self._found.get(ending)) is not None
            for image in file.levels
        ]
        return with_mask(pyramid, masks, mask.name)

    async def aclose(self) -> None:
        """Close the sources; nothing is read any more."""
        for file in self._files.values():
            await file.aclose()


def _flags(mask: OpenFile) -> dict[int, int]:
    """Return what a mask is to each band, counted from 1, as far as it says so."""
    found: dict[int, int] = {}
    for name, text in mask.metadata.tags().items():
        band, number = name.removeprefix(FLAGS), leading_number(text)
        if name.startswith(FLAGS) and band.isdecimal() and number is not None:
            found[int(band)] = int(number)
    return found


def _check_flags(mask: OpenFile, samples: int) -> None:
    """Check that a mask is that of all bands of a file with so many."""
    flags = _flags(mask)
    if not all(flags.get(band, 0) & PER_DATASET for band in range(1, samples + 1)):
        message = (
            f"{mask.name} has masks of single bands ({FLAGS}n: {flags}), which is not supported:"
            " leave out sidecars=True"
        )
        raise UnsupportedError(message, feature="sidecar", value=MASK)


def _is_empty(file: OpenFile, error: FormatError) -> bool:
    return isinstance(error, TruncatedError) and not file.reader.file_size
