"""A slide with SubIFDs, a photograph with Exif, a stack of planes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinycog.testing import Directory, Field, Places, make_image, make_tiff
from tinycog.tiff.exif import ExifTag
from tinycog.tiff.spec import Tag

tifffile = pytest.importorskip("tifffile")
PIXELS = np.arange(128 * 128, dtype="uint16").reshape(128, 128)


def photo() -> bytes:
    """A file whose image has a description, a resolution, a tag of its own, and an Exif IFD."""
    extra = [
        Field(Tag.ImageDescription, "ASCII", "A hill"),
        Field(Tag.XResolution, "RATIONAL", [(300, 1)]),
        Field(Tag.YResolution, "RATIONAL", [(300, 1)]),
        Field(65000, "SHORT", [1, 2, 3]),
        Field(Tag.ExifIFD, "OFFSET", Places.SUB_IFDS),
    ]
    image = make_image(np.zeros((1, 8, 8), np.uint8), extra=extra)
    exif = Directory([Field(ExifTag.ExposureTime, "RATIONAL", [(1, 250)])])
    return make_tiff(
        [Directory(image.fields, image.tiles, (exif,), image.link)], layout="ifds-first"
    )


async def before(base: str) -> dict[str, object]:
    """Write them."""
    del base
    Path("photo.tif").write_bytes(photo())
    with tifffile.TiffWriter("slide.tif") as tif:
        tif.write(PIXELS, subifds=2, tile=(64, 64), metadata=None)
        for step in (2, 4):
            tif.write(PIXELS[::step, ::step], subfiletype=1, tile=(64, 64), metadata=None)
        for _ in range(2):
            tif.write(PIXELS, tile=(64, 64), metadata=None)
    planes = np.broadcast_to(PIXELS, (4, 2, 128, 128))
    tifffile.imwrite("cells.ome.tif", planes, metadata={"axes": "TZYX"}, ome=True)
    return {}
