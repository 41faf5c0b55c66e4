"""The GeoKey directory: names of its keys, and their values (geotiff.keys.*).

Source: OGC 19-008 (GeoTIFF 1.1), and libgeotiff for keys of its own. `spec/geokeys.csv` is the same
table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from tinycog.errors import Finding
from tinycog.geo.tag_values import TagValues
from tinycog.tiff.spec import Tag

KeyValue = int | float | str | tuple[int, ...] | tuple[float, ...]
"""A key's value: a code, a number or text; a tuple if it holds several numbers."""

USER_DEFINED = 32767
"""Code that stands for a definition by further keys."""

ENTRY_SHORTS = 4
"""SHORTs in an entry, and in the header before the first entry."""

MAX_KEYS = 1024
"""Most keys that are read; about sixty are defined."""

MOST_KEPT = 4096
"""Numbers and characters of keys that are kept for the next file that has the same."""


class GeoKey(IntEnum):
    """Keys by the names of GeoTIFF 1.1, without the "GeoKey" at their end."""

    GTModelType = 1024
    GTRasterType = 1025
    GTCitation = 1026
    GeodeticCRS = 2048
    GeodeticCitation = 2049
    GeodeticDatum = 2050
    PrimeMeridian = 2051
    GeogLinearUnits = 2052
    GeogLinearUnitSize = 2053
    GeogAngularUnits = 2054
    GeogAngularUnitSize = 2055
    Ellipsoid = 2056
    EllipsoidSemiMajorAxis = 2057
    EllipsoidSemiMinorAxis = 2058
    EllipsoidInvFlattening = 2059
    GeogAzimuthUnits = 2060
    PrimeMeridianLongitude = 2061
    GeogTOWGS84 = 2062
    CelestialBody = 2063
    ProjLinearUnitsInterpCorrect = 3059
    ProjectedCRS = 3072
    ProjectedCitation = 3073
    Projection = 3074
    ProjMethod = 3075
    ProjLinearUnits = 3076
    ProjLinearUnitSize = 3077
    ProjStdParallel1 = 3078
    ProjStdParallel2 = 3079
    ProjNatOriginLong = 3080
    ProjNatOriginLat = 3081
    ProjFalseEasting = 3082
    ProjFalseNorthing = 3083
    ProjFalseOriginLong = 3084
    ProjFalseOriginLat = 3085
    ProjFalseOriginEasting = 3086
    ProjFalseOriginNorthing = 3087
    ProjCenterLong = 3088
    ProjCenterLat = 3089
    ProjCenterEasting = 3090
    ProjCenterNorthing = 3091
    ProjScaleAtNatOrigin = 3092
    ProjScaleAtCenter = 3093
    ProjAzimuthAngle = 3094
    ProjStraightVertPoleLong = 3095
    ProjRectifiedGridAngle = 3096
    Vertical = 4096
    VerticalCitation = 4097
    VerticalDatum = 4098
    VerticalUnits = 4099
    CoordinateEpoch = 5120


TEXTS = frozenset(
    (
        GeoKey.GTCitation,
        GeoKey.GeodeticCitation,
        GeoKey.CelestialBody,
        GeoKey.ProjectedCitation,
        GeoKey.VerticalCitation,
    )
)
NUMBERS = frozenset(
    (
        GeoKey.GeogLinearUnitSize,
        GeoKey.GeogAngularUnitSize,
        *(key for key in GeoKey if GeoKey.EllipsoidSemiMajorAxis <= key < GeoKey.GeogAzimuthUnits),
        GeoKey.PrimeMeridianLongitude,
        GeoKey.GeogTOWGS84,
        *(key for key in GeoKey if GeoKey.ProjLinearUnitSize <= key < GeoKey.Vertical),
        GeoKey.CoordinateEpoch,
    )
)


def kind_of(key: int) -> tuple[str, type]:
    """Return the kind of a key's values, for messages, and their type."""
    if key in TEXTS:
        return "text", str
    return ("numbers", float) if key in NUMBERS else ("codes", int)


def _key_id(key: int | str) -> int:
    """Return the id of a key; a name may end with "GeoKey"."""
    if isinstance(key, int):
        return int(key)
    return int(GeoKey[key.removesuffix("GeoKey")])


@dataclass(frozen=True, slots=True)
class GeoKeys(Mapping[int, KeyValue]):
    """The keys of a file: a mapping of ids to values that also accepts names.

    Attributes:
        minor: minor revision of the directory, 0 for GeoTIFF 1.0, 1 for 1.1.
        values_by_id: pairs of id and value, in the order of the file.
    """

    minor: int = 0
    values_by_id: tuple[tuple[int, KeyValue], ...] = field(default=())

    def __getitem__(self, key: int | str) -> KeyValue:
        """Return the value of a key, by id or name: `keys["ProjectedCRS"]`, `keys[3072]`."""
        wanted = _key_id(key)
        for found, value in self.values_by_id:
            if found == wanted:
                return value
        raise KeyError(key)

    def __iter__(self) -> Iterator[int]:
        """Iterate over ids in the order of the file."""
        return iter([found for found, _ in self.values_by_id])

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self.values_by_id)

    def __contains__(self, key: object) -> bool:
        """Return whether there is such a key, by id or name."""
        if not isinstance(key, int | str):
            return False
        try:
            wanted = _key_id(key)
        except KeyError:
            return False
        return any(found == wanted for found, _ in self.values_by_id)

    def named(self) -> dict[str, KeyValue]:
        """Return values by name; unknown keys by their number."""
        known = {int(key): key.name for key in GeoKey}
        return {known.get(found, str(found)): value for found, value in self.values_by_id}

    def code(self, key: GeoKey) -> int | None:
        """Return a key's code; None if it is missing or 0, "undefined"."""
        value = self.get(key)
        if isinstance(value, tuple):
            value = value[0]
        return value if isinstance(value, int) and value else None

    def epsg(self, key: GeoKey) -> int | None:
        """Return a key's EPSG code; None if it is missing, user-defined or private."""
        code = self.code(key)
        return code if code is not None and code < USER_DEFINED else None

    def number(self, key: GeoKey) -> float | None:
        """Return a key's number, the first of several; None if it has none."""
        numbers = self.numbers(key)
        return numbers[0] if numbers else None

    def numbers(self, key: GeoKey) -> tuple[float, ...]:
        """Return a key's numbers; none if they are stored as codes."""
        value = self.get(key)
        found = value if isinstance(value, tuple) else (value,)
        return tuple(v for v in found if isinstance(v, float))

    @property
    def is_short(self) -> bool:
        """Whether they are no longer than any keys that make sense: they may be kept."""
        values = [value for _, value in self.values_by_id]
        return sum(len(v) for v in values if isinstance(v, str | tuple)) <= MOST_KEPT

    def text(self, key: GeoKey) -> str:
        """Return a key's text; empty if it has none."""
        value = self.get(key)
        return value if isinstance(value, str) else ""


class _Stored(NamedTuple):
    """The values of the three tags that hold keys."""

    directory: tuple[int, ...]
    doubles: tuple[float, ...]
    text: bytes


def make_keys(values: TagValues, findings: list[Finding]) -> GeoKeys:
    """Parse the directory (geotiff.keys.directory, geotiff.keys.order, geotiff.keys.kind).

    A key that is wrong does not affect the others.
    """
    stored = _Stored(
        values.shorts(Tag.GeoKeyDirectory),
        values.doubles(Tag.GeoDoubleParams),
        values.raw_text(Tag.GeoAsciiParams),
    )
    is_short = sum(map(len, stored)) <= MOST_KEPT
    keys, flaws = (_kept if is_short else _parsed)(stored)
    findings += [values.finding(rule, text, Tag.GeoKeyDirectory) for rule, text in flaws]
    return keys


def _parsed(stored: _Stored) -> tuple[GeoKeys, tuple[tuple[str, str], ...]]:
    """Return the keys, and rule and text of what is wrong."""
    flaws: list[tuple[str, str]] = []
    return _keys(stored, flaws), tuple(flaws)


_kept = lru_cache(maxsize=256)(_parsed)
"""The same, for keys that many files have alike."""


def _keys(stored: _Stored, flaws: list[tuple[str, str]]) -> GeoKeys:
    directory = stored.directory
    if not directory:
        return GeoKeys()
    if len(directory) < ENTRY_SHORTS or directory[0] != 1:
        text = (
            f"the GeoKey directory begins with {directory[:ENTRY_SHORTS]}, expected 1, 1, 0 or 1, n"
        )
        flaws.append(("geotiff.keys.directory", text))
        return GeoKeys()
    count = min(directory[3], len(directory) // ENTRY_SHORTS - 1, MAX_KEYS)
    if count < directory[3]:
        text = f"the GeoKey directory says {directory[3]} keys; {count} of them are read"
        flaws.append(("geotiff.keys.directory", text))
    entries = [
        directory[i : i + ENTRY_SHORTS]
        for i in range(ENTRY_SHORTS, ENTRY_SHORTS + ENTRY_SHORTS * count, ENTRY_SHORTS)
    ]
    ids = [entry[0] for entry in entries]
    if any(later <= earlier for earlier, later in pairwise(ids)):
        text = "the GeoKeys do not ascend; of each, the first one counts"
        flaws.append(("geotiff.keys.order", text))
    found: dict[int, KeyValue] = {}
    for entry in entries:
        value = _value(stored, entry, flaws)
        if value is not None and _has_kind(entry[0], value):
            found.setdefault(entry[0], value)
        elif value is not None:
            text = f"GeoKey {entry[0]} holds {str(value)[:40]!r}, expected {kind_of(entry[0])[0]}"
            flaws.append(("geotiff.keys.kind", text))
    return GeoKeys(directory[2], tuple(found.items()))


def _has_kind(key: int, value: KeyValue) -> bool:
    """Return whether a value fits its key; any fits an unknown key (geotiff.keys.kind)."""
    first = value[0] if isinstance(value, tuple) else value
    return key not in GeoKey.__members__.values() or isinstance(first, kind_of(key)[1])


def _value(stored: _Stored, entry: Sequence[int], flaws: list[tuple[str, str]]) -> KeyValue | None:
    """Look up one key's value where it is stored (geotiff.keys.value, geotiff.keys.text)."""
    key, location, count, at = entry
    if location == 0:
        return at
    if location == Tag.GeoAsciiParams:
        pool = stored.text
        if at < len(pool) and count:
            text = pool[at : at + count].decode("utf-8", "replace")
            return text.partition("\0")[0].removesuffix("|")
    else:
        pools: dict[int, Sequence[int] | Sequence[float]] = {
            Tag.GeoKeyDirectory: stored.directory,
            Tag.GeoDoubleParams: stored.doubles,
        }
        part = tuple(pools.get(location, ())[at : at + count])
        if part and len(part) == count:
            return part if count > 1 else part[0]
    text = f"GeoKey {key} points to {count} values at {at} of tag {location}, which are not there"
    flaws.append(("geotiff.keys.value", text))
    return None
