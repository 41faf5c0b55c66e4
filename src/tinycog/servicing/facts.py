"""What a caller says of an image that no file holds, as facts of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycog.affine_math import coefficients
from tinycog.argument_types import CrsLike, PixelDtype
from tinycog.checks import check_fill_value, numbers
from tinycog.errors import UsageError
from tinycog.geo.colour import colour_names
from tinycog.geo.georeference import Georeference
from tinycog.geo.given_crs import given_crs
from tinycog.geo.keys import GeoKeys
from tinycog.geo.lazy import LazyGeoreference
from tinycog.geo.metadata import Items, Metadata
from tinycog.geo.transform import make_affine
from tinycog.tiff.image import Grid, Image
from tinycog.tiff.parse import Ifd
from tinycog.tiff.spec import Compression, Photometric, Predictor, SampleFormat
from tinycog.writer.sources.told import as_dtype, as_shape

if TYPE_CHECKING:
    from affine import Affine

NO_ITEMS: Items = {}

FORMATS = {
    "u": SampleFormat.UINT,
    "i": SampleFormat.INT,
    "f": SampleFormat.FLOAT,
    "c": SampleFormat.COMPLEX_FLOAT,
}
"""SampleFormat of kinds of dtypes."""


def make_image(
    shape: Sequence[int], dtype: PixelDtype, nodata: float | None, blocksize: int
) -> Image:
    """Return the facts of an image.

    Raises:
        UsageError: it is none.
    """
    bands, rows, cols = as_shape(shape)
    found: np.dtype[Any] = as_dtype(dtype)
    text = None if nodata is None else repr(check_fill_value(nodata, found))
    return Image(
        Ifd.lost(0),
        "<",
        Grid(cols, rows, blocksize, blocksize),
        0,
        int(Compression.NONE),
        int(Photometric.MIN_IS_BLACK),
        int(Predictor.NONE),
        1,
        bands,
        (found.itemsize * 8,) * bands,
        (int(FORMATS[found.kind]),) * bands,
        (0,) * (bands - 1),
        None,
        None,
        {},
        text,
        (),
    )


def make_georeference(
    image: Image,
    transform: Affine | Sequence[float] | None,
    crs: CrsLike | None,
    descriptions: Sequence[str | None] | None,
) -> LazyGeoreference:
    """Return where an image lies, and what its samples mean.

    Raises:
        UsageError: the transform is none, the CRS is none, or there are too few descriptions.
    """
    place = None if crs is None else given_crs(crs)
    try:
        affine = None if transform is None else make_affine(*numbers(coefficients(transform)))
    except (TypeError, ValueError) as exc:
        message = f"transform is an Affine or its six numbers, not {transform!r}"
        raise UsageError(message) from exc
    if place is not None and affine is None:
        raise UsageError("crs= is that of a transform: pass transform=, too")
    count = image.samples
    named = (None,) * count if descriptions is None else tuple(descriptions)
    if len(named) != count:
        message = f"descriptions are one for each of {count} bands, not {len(named)}"
        raise UsageError(message)
    metadata = Metadata(
        scales=(1.0,) * count,
        offsets=(0.0,) * count,
        units=(None,) * count,
        descriptions=named,
        colorinterp=tuple(colour_names(image)),
        band_items=(NO_ITEMS,) * count,
    )
    geo = (
        Georeference()
        if affine is None
        else Georeference(
            transform=affine,
            has_transform=True,
            keys=GeoKeys() if place is None else place.keys,
            crs=place,
        )
    )
    return LazyGeoreference.known(geo, metadata, image.size)
