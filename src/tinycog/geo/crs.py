"""The coordinate reference system that GeoKeys name or define (geotiff.crs.*).

Codes and names come from the keys, without PROJ. `to_pyproj` builds the whole CRS; it needs the
extra `geo`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tinycog.extras import check_installed
from tinycog.geo.epsg_codes import Kind
from tinycog.geo.keys import GeoKeys

if TYPE_CHECKING:
    import pyproj

WGS_84 = 4326
WEB_MERCATOR = 3857
WEB_MERCATOR_CODES = (WEB_MERCATOR, 3785)
"""EPSG codes of Web Mercator that files can name, the current one and a deprecated one.

Those of other registries (900913, 102100, 102113) do not fit a GeoKey: it is 16 bits wide.
"""


class Heights(NamedTuple):
    """Heights of samples where the CRS is vertical too: `sample * scale + offset`, in `unit`.

    Scale and unit are None where the file does not state them.
    """

    scale: float | None
    offset: float
    unit: str | None


@dataclass(frozen=True, slots=True)
class Crs:
    """A coordinate reference system, as far as the keys define it.

    Attributes:
        kind: "projected", "geographic", "geocentric", "vertical", "compound", or "local": units,
            but no place on the Earth.
        epsg: its EPSG code; None if it has none or the keys do not state it.
        name: its name in the file, if any.
        horizontal: the horizontal part of a compound CRS.
        vertical: the vertical part of a compound CRS; of another, heights that are beside it
            (geotiff.crs.old-heights, geotiff.crs.geographic-3d).
        epoch: coordinate epoch as a decimal year, if stated.
        keys: the keys that define it.
        wkt: the WKT of ESRI that defines it in their place, if a citation holds one.
    """

    kind: Kind
    epsg: int | None = None
    name: str | None = None
    horizontal: Crs | None = None
    vertical: Crs | None = None
    epoch: float | None = None
    keys: GeoKeys = field(default_factory=GeoKeys, repr=False)
    wkt: str | None = field(default=None, repr=False)

    @property
    def is_projected(self) -> bool:
        """Whether coordinates are eastings and northings of a projection."""
        return (self.horizontal or self).kind == "projected"

    @property
    def is_geographic(self) -> bool:
        """Whether coordinates are longitudes and latitudes."""
        return (self.horizontal or self).kind == "geographic"

    def __str__(self) -> str:
        """Return `EPSG:32628` if there is a code, else kind and name."""
        if self.epsg is not None:
            return f"EPSG:{self.epsg}"
        if self.horizontal is not None and self.vertical is not None:
            return f"{self.horizontal} + {self.vertical}"
        return f"{self.kind} CRS {self.name!r}"

    def to_pyproj(self) -> pyproj.CRS:
        """Build a `pyproj.CRS`, also of a user-defined CRS.

        Axes are in the order of the definition; coordinates in files are always (x, y), so
        transform with `always_xy=True`.

        Raises:
            UsageError: pyproj is not installed.
            UnsupportedError: PROJ cannot build it from the keys.
        """
        check_installed("geo", "pyproj")
        from tinycog.geo.build_crs import build_crs  # noqa: PLC0415 - loads pyproj

        return build_crs(self)

    def to_wkt(self) -> str:
        """Return it as WKT 2, for rasterio's `CRS.from_user_input` and the like.

        Raises:
            UsageError, UnsupportedError: those of `to_pyproj`.
        """
        return self.to_pyproj().to_wkt()

    def to_epsg(self) -> int | None:
        """Return its EPSG code: the keys', else that of an equal CRS in PROJ's registry.

        The latter needs pyproj.

        Raises:
            UsageError, UnsupportedError: those of `to_pyproj`.
        """
        if self.epsg is not None:
            return self.epsg
        built = self.to_pyproj()
        return (built.source_crs or built if built.is_bound else built).to_epsg()
