"""Pixels as stored to the picture: the step behind `oriented=True` (tiff.image.orientation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from tinycog.checks import check_shape
from tinycog.errors import Finding, FormatError
from tinycog.geo.lazy import OrientedPlacement
from tinycog.pixels.orientation import OrientedValidity, oriented
from tinycog.raster import Raster
from tinycog.reader.pixel_file import PixelFile
from tinycog.tiff.orientation import AS_STORED, Orientation, orientation_of
from tinycog.tiff.spec import Tag


class FileOrientation(NamedTuple):
    """What the Orientation of a file says, a fact of its level 0.

    Attributes:
        orientation: how pixels are turned.
        findings: what is wrong with the tag.
    """

    orientation: Orientation
    findings: tuple[Finding, ...] = ()

    @classmethod
    async def read(cls, file: PixelFile) -> FileOrientation:
        """Read the tag; one that says nothing is a finding, and pixels are as stored.

        Cost: 0 requests, but those of opening: the value came with the header.
        """
        try:
            value = await file.read_tag(Tag.Orientation, 0)
        except FormatError as exc:
            return cls(AS_STORED, (Finding("tiff.image.orientation", str(exc)),))
        found = orientation_of(value)
        if found is not None:
            return cls(found)
        text = f"Orientation is {value!r}, expected 1 to 8: pixels are as stored"
        return cls(AS_STORED, (Finding("tiff.image.orientation", text[:200]),))

    def stored_shape(self, shape: Sequence[int] | None) -> tuple[int, int] | None:
        """Return the shape of stored pixels that become a result of (rows, cols).

        Raises:
            UsageError: it is no shape.
        """
        return None if shape is None else self.turned(check_shape(shape))

    def turned(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return (rows, cols) of the picture of an array of (rows, cols)."""
        return self.orientation.turned(shape)

    def turn(self, raster: Raster) -> Raster:
        """Return the picture of a raster: pixels and masks are turned, places stay."""
        turn = self.orientation
        if turn == AS_STORED:
            return replace(raster, findings=(*raster.findings, *self.findings))
        return replace(
            raster,
            data=oriented(raster.data, turn),
            validity=OrientedValidity(raster.validity, turn),
            losses=None if raster.losses is None else oriented(raster.losses[None], turn)[0],
            place=None if raster.place is None else OrientedPlacement(raster.place, turn),
            findings=(*raster.findings, *self.findings),
        )
