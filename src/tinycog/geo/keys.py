"""The GeoKey directory: what its keys are called, and their values (geotiff.keys.*).

Source: OGC 19-008 (GeoTIFF 1.1), and libgeotiff for keys of its own. `spec/geokeys.csv` holds the
same table for readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise

from tinycog.errors import Finding
from tinycog.geo.values import TagValues
from tinycog.tiff.spec import Tag

KeyValue = int | float | str | tuple[int, ...] | tuple[float, ...]
"""A key's value: a code, a number, a text; several numbers where the key says so."""

USER_DEFINED = 32767
"""Code that says: further keys define it."""

HEAD = 4
"""SHORTs before the first entry, and of each entry."""

MAX_KEYS = 1024
"""There are about sixty: more than this is no directory."""


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
    """What values of a key are called, and are: numbers, text, or else codes."""
    if key in TEXTS:
        return "text", str
    return ("numbers", float) if key in NUMBERS else ("codes", int)


def _key_id(key: int | str) -> int:
    """The id of a key; a name may have "GeoKey" at its end."""
    if isinstance(key, int):
        return int(key)
    return int(GeoKey[key.removesuffix("GeoKey")])


@dataclass(frozen=True, slots=True)
class GeoKeys(Mapping[int, KeyValue]):
    """The keys of a file: a mapping of ids to values that can be asked by name too.

    Attributes:
        minor: minor revision of the directory, 0 for GeoTIFF 1.0, 1 for 1.1.
        values_by_id: the keys that could be read.
    """

    minor: int = 0
    values_by_id: tuple[tuple[int, KeyValue], ...] = field(default=())

    def __getitem__(self, key: int | str) -> KeyValue:
        """Value of a key, by id or name: `keys["ProjectedCRS"]`, `keys[3072]`."""
        wanted = _key_id(key)
        for found, value in self.values_by_id:
            if found == wanted:
                return value
        raise KeyError(key)

    def __iter__(self) -> Iterator[int]:
        """Ids in the order of the file."""
        return iter([found for found, _ in self.values_by_id])

    def __len__(self) -> int:
        """Number of keys."""
        return len(self.values_by_id)

    def __contains__(self, key: object) -> bool:
        """Whether there is such a key, by id or name."""
        if not isinstance(key, int | str):
            return False
        try:
            wanted = _key_id(key)
        except KeyError:
            return False
        return any(found == wanted for found, _ in self.values_by_id)

    def named(self) -> dict[str, KeyValue]:
        """The keys by name; those that nobody knows by their number."""
        known = {int(key): key.name for key in GeoKey}
        return {known.get(found, str(found)): value for found, value in self.values_by_id}

    def code(self, key: GeoKey) -> int | None:
        """Value of a key that holds a code; None without it, or if it is 0, "undefined"."""
        value = self.get(key)
        if isinstance(value, tuple):
            value = value[0]
        return value if isinstance(value, int) and value else None

    def epsg(self, key: GeoKey) -> int | None:
        """Value of a key that holds a code of EPSG; not what is user-defined or private."""
        code = self.code(key)
        return code if code is not None and code < USER_DEFINED else None

    def number(self, key: GeoKey) -> float | None:
        """Value of a key that holds a number."""
        numbers = self.numbers(key)
        return numbers[0] if numbers else None

    def numbers(self, key: GeoKey) -> tuple[float, ...]:
        """Values of a key that holds numbers; none if they were stored as codes."""
        value = self.get(key)
        found = value if isinstance(value, tuple) else (value,)
        return tuple(v for v in found if isinstance(v, float))

    def text(self, key: GeoKey) -> str:
        """Value of a key that holds text, empty without it."""
        value = self.get(key)
        return value if isinstance(value, str) else ""


def make_keys(values: TagValues, findings: list[Finding]) -> GeoKeys:
    """Read the directory (geotiff.keys.directory, geotiff.keys.order, geotiff.keys.kind).

    What is wrong with one key does not hurt the others.
    """
    directory = values.shorts(Tag.GeoKeyDirectory)
    if not directory:
        return GeoKeys()
    if len(directory) < HEAD or directory[0] != 1:
        text = f"the GeoKey directory begins with {directory[:HEAD]}, expected 1, 1, 0 or 1, n"
        findings.append(values.finding("geotiff.keys.directory", text, Tag.GeoKeyDirectory))
        return GeoKeys()
    count = min(directory[3], len(directory) // HEAD - 1, MAX_KEYS)
    if count < directory[3]:
        text = f"the GeoKey directory says {directory[3]} keys; {count} of them are read"
        findings.append(values.finding("geotiff.keys.directory", text, Tag.GeoKeyDirectory))
    entries = [directory[i : i + HEAD] for i in range(HEAD, HEAD + HEAD * count, HEAD)]
    ids = [entry[0] for entry in entries]
    if any(later <= earlier for earlier, later in pairwise(ids)):
        text = "the GeoKeys do not ascend; of each, the first one counts"
        findings.append(values.finding("geotiff.keys.order", text, Tag.GeoKeyDirectory))
    found: dict[int, KeyValue] = {}
    for entry in entries:
        value = _value(values, directory, entry, findings)
        if value is not None and _has_kind(entry[0], value):
            found.setdefault(entry[0], value)
        elif value is not None:
            text = f"GeoKey {entry[0]} holds {str(value)[:40]!r}, expected {kind_of(entry[0])[0]}"
            findings.append(values.finding("geotiff.keys.kind", text, Tag.GeoKeyDirectory))
    return GeoKeys(directory[2], tuple(found.items()))


def _has_kind(key: int, value: KeyValue) -> bool:
    """Whether a known key holds what it must; of others nothing is known (geotiff.keys.kind)."""
    first = value[0] if isinstance(value, tuple) else value
    return key not in GeoKey.__members__.values() or isinstance(first, kind_of(key)[1])


def _value(
    values: TagValues, directory: Sequence[int], entry: Sequence[int], findings: list[Finding]
) -> KeyValue | None:
    """Value of one key, from where it is stored (geotiff.keys.value, geotiff.keys.text)."""
    key, location, count, at = entry
    if location == 0:
        return at
    if location == Tag.GeoAsciiParams:
        pool = values.raw_text(Tag.GeoAsciiParams)
        if at < len(pool) and count:
            text = pool[at : at + count].decode("utf-8", "replace")
            return text.partition("\0")[0].removesuffix("|")
    else:
        pools: dict[int, Sequence[int] | Sequence[float]] = {
            Tag.GeoKeyDirectory: directory,
            Tag.GeoDoubleParams: values.doubles(Tag.GeoDoubleParams),
        }
        part = tuple(pools.get(location, ())[at : at + count])
        if part and len(part) == count:
            return part if count > 1 else part[0]
    text = f"GeoKey {key} points to {count} values at {at} of tag {location}, which are not there"
    findings.append(values.finding("geotiff.keys.value", text, Tag.GeoKeyDirectory))
    return None
