"""One file of a collection: what is known of it without a request, and `open`.

What is opened is the generation that was indexed (cog.collection.generation).
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any, Unpack, cast

from affine import Affine

import tinycog
from tinycog.argument_types import MaskKind
from tinycog.cog import Cog
from tinycog.collection.open_options import OpenOptions
from tinycog.collection.times import to_text, to_time
from tinycog.errors import UsageError
from tinycog.notebook.card import card, never_fails
from tinycog.notebook.world_map import world_map
from tinycog.tracebacks import short_tracebacks

COMMON_NAME = "eo:common_name"
"""Property of the common name of a band, "red", or of those of each."""

Sign = Callable[[str], str | Awaitable[str]]
"""Function, async or not, of a url that returns it with a signature."""


@short_tracebacks
@dataclass(frozen=True, slots=True)
class Asset:
    """One file of a collection, and what its header said when it was indexed.

    What is not known is None.

    Attributes:
        name: of the asset; errors of its reads have it.
        where: url, or absolute path.
        bounds: (west, south, east, north) in longitudes and latitudes (WGS 84) that hold the image;
            west > east goes over the antimeridian.
        geometry: its footprint as GeoJSON, split at the antimeridian.
        crs: "EPSG:32633", else WKT 2.
        transform: from (col, row) to (x, y) of the CRS.
        shape: (rows, cols).
        bands: description of each band, None for one without.
        dtype: numpy's name of the type of the samples.
        nodata: value of samples that hold nothing.
        mask: what says which pixels are valid.
        resolution: width and height of a pixel in units of the CRS.
        properties: what else is said of it: a JSON object.
        start: time of its beginning, or its only time.
        end: time of its end, which belongs to it.
        generation: name of the object's generation when it was indexed: a strong ETag, a number.
        snapshot: its header, as of `Cog.snapshot`.
    """

    name: str
    where: str
    bounds: tuple[float, float, float, float] | None = None
    geometry: Mapping[str, object] | None = field(default=None, repr=False)
    crs: str | None = None
    transform: Affine | None = field(default=None, repr=False)
    shape: tuple[int, int] | None = None
    bands: tuple[str | None, ...] | None = field(default=None, repr=False)
    dtype: str | None = None
    nodata: float | None = None
    mask: MaskKind | None = field(default=None, repr=False)
    resolution: tuple[float, float] | None = field(default=None, repr=False)
    properties: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    start: datetime | None = None
    end: datetime | None = field(default=None, repr=False)
    generation: str | None = field(default=None, repr=False)
    snapshot: bytes | None = field(default=None, repr=False)

    def open(self, *, sign: Sign | None = None, **options: Unpack[OpenOptions]) -> Cog:
        """Make a handle, without any I/O: its header is that of the index.

        Its reads are of the generation that was indexed. Where the object was replaced or removed
        since, their error names the asset, its url and that generation.

        Args:
            sign: function of the url that signs it, for urls that are kept without a signature.
            options: as for `tinycog.open`. `fs`, `store` and credentials are kept in no index: give
                those again that it was made with.

        Raises:
            UsageError: as for `tinycog.open`.

        Cost: 0 requests, here and for the header, except where none was read for the index
        (`snapshot` is None), or with `sidecars=True`.
        """
        where = self.where if sign is None else tinycog.SignedUrl(self.where, as_async(sign))
        cog = tinycog.open(where, snapshot=self.snapshot, **options)
        cog._be_asset(self.name)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - not yet used
        return cog

    def __hash__(self) -> int:
        """Return the hash of what names it."""
        return hash((self.name, self.where, self.generation))

    def _repr_html_(self) -> str:
        """Return a table of facts for notebooks."""

        def draw() -> str:
            drawings = [world_map([self.geometry])] if self.geometry else []
            return card(f"Asset {self.name}", facts_shown(self), drawings=drawings)

        return never_fails(self, draw)


def facts_shown(asset: Asset) -> dict[str, object]:
    """Return the facts of an asset for a table."""
    facts: dict[str, object] = {"where": tinycog.open(asset.where).name}
    for name in ("shape", "dtype", "nodata", "crs", "bounds", "resolution", "generation"):
        facts[name] = getattr(asset, name)
    return {**facts, "start": to_text(asset.start), "end": to_text(asset.end)}


def as_async(sign: Sign) -> Callable[[str], Awaitable[str]]:
    """Return a function that signs urls as an asynchronous one."""

    async def signed(url: str) -> str:
        found = sign(url)
        return found if isinstance(found, str) else await found

    return signed


# --- as JSON -------------------------------------------------------------------------------------


def to_document(asset: Asset) -> dict[str, Any]:
    """Return an asset as a JSON document, without what is not known; the snapshot comes last."""
    nodata = asset.nodata
    found: dict[str, Any] = {
        "name": asset.name,
        "where": asset.where,
        "start": to_text(asset.start),
        "end": to_text(asset.end),
        "bounds": asset.bounds,
        "crs": asset.crs,
        "transform": None if asset.transform is None else list(asset.transform)[:6],
        "shape": asset.shape,
        "bands": asset.bands,
        "dtype": asset.dtype,
        "nodata": nodata if nodata is None or isfinite(nodata) else str(nodata),
        "mask": asset.mask,
        "resolution": asset.resolution,
        "generation": asset.generation,
        "properties": dict(asset.properties) or None,
        "geometry": asset.geometry,
    }
    if asset.snapshot is not None:
        found["snapshot"] = base64.b64encode(asset.snapshot).decode()
    return {name: value for name, value in found.items() if value is not None}


def of_document(document: Mapping[str, Any]) -> Asset:
    """Return the asset that a document holds.

    Raises:
        UsageError: it holds none.
    """
    given = document
    try:
        bounds, transform, shape, bands, resolution = (
            given.get(name) for name in ("bounds", "transform", "shape", "bands", "resolution")
        )
        nodata, snapshot = given.get("nodata"), given.get("snapshot")
        return Asset(
            str(given["name"]),
            str(given["where"]),
            None if bounds is None else _four(bounds),
            given.get("geometry"),
            given.get("crs"),
            None if transform is None else Affine(*transform),
            None if shape is None else (int(shape[0]), int(shape[1])),
            None if bands is None else tuple(bands),
            given.get("dtype"),
            float(nodata) if isinstance(nodata, str) else nodata,
            given.get("mask"),
            None if resolution is None else (resolution[0], resolution[1]),
            given.get("properties") or {},
            to_time(given.get("start")),
            to_time(given.get("end")),
            given.get("generation"),
            None if snapshot is None else base64.b64decode(snapshot, validate=True),
        )
    except (KeyError, ValueError, TypeError, IndexError) as exc:
        message = f"the index holds no asset here, but {str(given)[:80]!r}: {exc}"
        raise UsageError(message) from exc


def _four(numbers: Any) -> tuple[float, float, float, float]:  # noqa: ANN401 - of JSON
    west, south, east, north = numbers
    return cast("tuple[float, float, float, float]", (west, south, east, north))
