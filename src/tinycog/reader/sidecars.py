"""Read the files beside a TIFF, all in one batch: `tinycog.open(..., sidecars=True)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tinycog.cache.protocol import Cache
from tinycog.checks import Pinning
from tinycog.errors import Finding
from tinycog.fetch.attempt import Request
from tinycog.fetch.fetcher import Fetcher
from tinycog.fetch.single_flight import side_by_side
from tinycog.limits import Limits
from tinycog.reader.absent import none_if_absent
from tinycog.reader.images_beside import MASK, MASK_OVERVIEWS, OVERVIEWS, ImagesBeside
from tinycog.reader.tile_reader import TileReader
from tinycog.reader.whole_file import parse_whole
from tinycog.sources.protocol import Source

if TYPE_CHECKING:
    from tinycog.geo.sidecars import Beside

PAM = ".aux.xml"
IMAGES = (OVERVIEWS, MASK, MASK_OVERVIEWS)
"""Sidecars that are TIFFs."""


class Sidecars:
    """The files beside a TIFF.

    Attributes:
        images: those that are TIFFs.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        limits: Limits,
        reader: TileReader,
        pinning: Pinning = "strict",
        cache: Cache | None = None,
    ) -> None:
        """Keep the sources, by what their names end with; nothing is read.

        World files stand in the order in which GDAL prefers them. `reader` reads the tiles of
        images beside.
        """
        images = {ending: source for ending, source in sources.items() if ending in IMAGES}
        self.images = ImagesBeside(images, limits, reader, pinning, cache)
        self._limits = limits
        self._texts = {
            ending: Fetcher(source, limits, pinning=pinning, cache=cache)
            for ending, source in sources.items()
            if ending not in IMAGES
        }

    @property
    def log(self) -> list[Request]:
        """The requests so far, each with the file's ending."""
        texts = [
            request._replace(sidecar=ending)
            for ending, fetcher in self._texts.items()
            for request in fetcher.log
        ]
        return [*texts, *self.images.log]

    async def read(self) -> Beside:
        """Read all that exist, side by side; those that are not found are absent.

        Raises:
            FormatError: a mask cannot be read.
            UnsupportedError: one says what is not supported.
            SourceError: whether one exists cannot be known, or it cannot be read.
            LimitError: a text is longer than `Limits.value_bytes`.
        """
        from tinycog.geo.sidecars import Beside, parse_pam, parse_world  # noqa: PLC0415 - only here

        findings: list[Finding] = []
        texts = side_by_side(*(self._read(ending, findings) for ending in self._texts))
        read, _ = await side_by_side(texts, self.images.read())
        found = dict(zip(self._texts, read, strict=True))
        data = found.pop(PAM, None)
        pam = None if data is None else parse_pam(data)
        world = None
        for ending, data in found.items():
            if data is not None and world is None:
                world, flaws = parse_world(self._texts[ending].name, data)
                findings += flaws
        findings += self.images.findings
        findings += () if pam is None else pam.findings
        return Beside(pam, world, tuple(findings))

    async def _read(self, ending: str, findings: list[Finding]) -> bytes | None:
        """Return the bytes of a text, None if there is none."""
        fetcher = self._texts[ending]
        read = fetcher.drive(parse_whole(fetcher.buffer, self._limits))
        return await none_if_absent(read, fetcher.name, findings)

    async def aclose(self) -> None:
        """Close the sources; nothing is read any more."""
        await self.images.aclose()
        for fetcher in self._texts.values():
            await fetcher.aclose()
