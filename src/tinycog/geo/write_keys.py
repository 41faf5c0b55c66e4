"""GeoKeys of a CRS, and the tags that hold them: the inverse of keys.py and make_crs.py.

EPSG's codes are written without PROJ; for other CRSs, user_keys.py asks pyproj (extra `geo`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tinycog.argument_types import CrsLike
from tinycog.errors import UnsupportedError, UsageError
from tinycog.extras import check_installed
from tinycog.geo.crs import Crs
from tinycog.geo.epsg_codes import (
    METRES,
    Kind,
    flat_counterparts,
    kind_of_code,
    parts_of_code,
    unit_code,
)
from tinycog.geo.keys import ENTRY_SHORTS, USER_DEFINED, GeoKey, GeoKeys, KeyValue
from tinycog.geo.make_crs import make_crs
from tinycog.geo.tag_values import SHORT_MAX
from tinycog.tiff.layout import Field
from tinycog.tiff.spec import Tag

MODEL_CODES: dict[Kind, int] = {"projected": 1, "geographic": 2, "geocentric": 3}
CODE = re.compile(r"\s*EPSG:(\d{1,9})\s*\Z", re.IGNORECASE | re.ASCII)
TOLD_BY_CODES = frozenset(
    (
        *(GeoKey.GTModelType, GeoKey.GTRasterType, GeoKey.GTCitation),
        *(GeoKey.GeodeticCRS, GeoKey.GeodeticCitation, GeoKey.GeogAngularUnits),
        *(GeoKey.ProjectedCRS, GeoKey.ProjectedCitation, GeoKey.ProjLinearUnits),
    )
)
"""Keys of a CRS that has a code which say nothing more than the code."""
OF_1_1 = frozenset(
    (
        *(GeoKey.Vertical, GeoKey.VerticalCitation, GeoKey.VerticalDatum, GeoKey.VerticalUnits),
        GeoKey.CoordinateEpoch,
    )
)
"""Keys that are heeded from minor revision 1 on."""

Keys = dict[GeoKey, KeyValue]


def keys_of_crs(crs: CrsLike) -> GeoKeys:
    """Make the keys that tell a CRS, without GTRasterType (geotiff.write.code).

    Reading them gives the same CRS: the keys of a file are kept, those of a code are few, and those
    that are made of definitions have been read back and compared (geotiff.write.compared).

    Raises:
        UsageError: it is no CRS, or pyproj is not installed, without which only EPSG's codes and
            CRSs of files are written.
        UnsupportedError: GeoKeys cannot tell it.
    """
    if isinstance(crs, Crs) and make_crs(crs.keys, []) == crs:
        plain = crs.epsg is not None and crs.epoch is None and TOLD_BY_CODES.issuperset(crs.keys)
        made = keys_of_code(crs.epsg) if plain and crs.epsg is not None else None
        return made or _kept(crs.keys)
    code = _code(crs)
    made = None if code is None else keys_of_code(code)
    if made is not None:
        return made
    check_installed("geo", "pyproj")
    from tinycog.geo.user_keys import keys_by_pyproj  # noqa: PLC0415 - loads pyproj

    return keys_by_pyproj(crs)


def _code(crs: CrsLike) -> int | None:
    """Return the code of a CRS that is told by EPSG's code alone; None for others."""
    if isinstance(crs, tuple):
        crs = f"{crs[0]}:{crs[1]}"
    if isinstance(crs, str):
        found = CODE.match(crs)
        return None if found is None else int(found[1])
    if isinstance(crs, Crs):
        return crs.epsg if crs.wkt is None and crs.epoch is None else None
    return crs if isinstance(crs, int) else None


def _kept(keys: GeoKeys) -> GeoKeys:
    """Return the keys of a file that say which CRS it has."""
    wanted = frozenset(GeoKey) - {GeoKey.GTRasterType}
    return GeoKeys(keys.minor, tuple(sorted(i for i in keys.items() if i[0] in wanted)))


def keys_of_code(code: int) -> GeoKeys | None:
    """Make the keys of a code of EPSG; None if its kind is not known.

    Raises:
        UnsupportedError: it is one of heights alone.
    """
    if not 0 < code < USER_DEFINED:
        return None
    kind = kind_of_code(code)
    if kind == "vertical":
        message = f"EPSG:{code} is a CRS of heights alone, which says nothing of where pixels are"
        raise UnsupportedError(message, feature="crs", value=code)
    if kind is None:
        return None
    parts = parts_of_code(code)
    place, *heights = parts or (code,)
    keys = _of_part(place)
    if heights:
        keys[GeoKey.Vertical] = heights[0]
    made = directory(keys)
    read = make_crs(made, [])  # old files have other meanings of some codes in Vertical
    codes = () if read is None else (read.horizontal or read, read.vertical)
    found = tuple(crs.epsg for crs in codes if crs is not None)
    return made if found == (parts or (code,)) else None


def _of_part(code: int) -> Keys:
    """Make the keys of a code of EPSG that is no compound CRS's."""
    kind = kind_of_code(code)
    if kind == "projected":
        return coded(code, kind, unit_code(code))
    flat = flat_counterparts(code)
    if flat:
        return coded(min(flat), "geographic", unit_code(min(flat))) | {GeoKey.Vertical: code}
    return coded(code, kind or "geographic", unit_code(code))


def coded(code: int, kind: Kind, unit: int) -> Keys:
    """Make the keys of a CRS with a code and the code of its unit (geotiff.write.code)."""
    key = GeoKey.ProjectedCRS if kind == "projected" else GeoKey.GeodeticCRS
    unit_key = {"projected": GeoKey.ProjLinearUnits, "geographic": GeoKey.GeogAngularUnits}
    return {
        GeoKey.GTModelType: MODEL_CODES[kind],
        key: code,
        unit_key.get(kind, GeoKey.GeogLinearUnits): METRES if kind == "geocentric" else unit,
    }


def directory(keys: Mapping[GeoKey, KeyValue]) -> GeoKeys:
    """Return keys in order, with the minor revision that they need."""
    return GeoKeys(int(not OF_1_1.isdisjoint(keys)), tuple(sorted(keys.items())))


def key_fields(keys: GeoKeys) -> list[Field]:
    """Make the tags that hold keys; none without keys (geotiff.keys.directory).

    Raises:
        UnsupportedError: a text holds a NUL, or they take more than the 16 bits of an index.
    """
    if not keys:
        return []
    shorts, doubles, texts = [1, 1, keys.minor, len(keys)], list[float](), b""
    lists = list[int]()
    for key, value in sorted(keys.items()):
        if isinstance(value, str):
            data = value.encode() + b"|"
            shorts += [key, Tag.GeoAsciiParams, len(data), len(texts)]
            texts += data
        elif isinstance(value, int):
            shorts += [key, 0, 1, value]
        else:
            numbers = value if isinstance(value, tuple) else (value,)
            codes = [number for number in numbers if isinstance(number, int)]
            at = ENTRY_SHORTS * (len(keys) + 1) + len(lists) if codes else len(doubles)
            pool = Tag.GeoKeyDirectory if codes else Tag.GeoDoubleParams
            shorts += [key, pool, len(numbers), at]
            lists += codes
            doubles += [] if codes else numbers
    shorts += lists
    if b"\0" in texts or max(shorts) > SHORT_MAX:
        message = f"the texts of the CRS hold a NUL, or more than {SHORT_MAX} bytes: {keys!r:.200}"
        raise UnsupportedError(message, feature="crs", value=len(texts))
    fields = [Field(Tag.GeoKeyDirectory, "SHORT", shorts)]
    if doubles:
        fields.append(Field(Tag.GeoDoubleParams, "DOUBLE", doubles))
    if texts:
        fields.append(Field(Tag.GeoAsciiParams, "ASCII", texts + b"\0"))
    return fields


def no_crs(crs: object) -> UsageError:
    """Make the error for what is no CRS."""
    message = f"{str(crs)[:100]!r} is no CRS that PROJ knows: give a code ('EPSG:4326'), or WKT"
    return UsageError(message)
