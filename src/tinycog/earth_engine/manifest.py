"""`image_manifest`: the newer request, of assets that are backed by COGs, and of uploads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Literal, NamedTuple
from urllib.parse import quote

import tinycog
from tinycog.earth_engine.cloud_file import CloudFile, as_cloud_file, opened, pinned_uri
from tinycog.earth_engine.names import parse_name
from tinycog.earth_engine.request import (
    HOST,
    UNKNOWN,
    UNKNOWN_COPY,
    UNKNOWN_WITHOUT_GENERATION,
    EarthEngineRequest,
    not_known,
    refusals,
)
from tinycog.earth_engine.values import (
    TIMES,
    Moment,
    check_interval,
    make_properties,
    parse_moment,
    to_timestamp,
)
from tinycog.errors import UsageError
from tinycog.tracebacks import short_tracebacks

PyramidingPolicy = Literal["MEAN", "MIN", "MAX", "SAMPLE", "MODE"]
"""How Earth Engine makes lower resolutions: of classes by SAMPLE or MODE."""

POLICIES = ("MEAN", "MIN", "MAX", "SAMPLE", "MODE")

UNSIGNED, ALPHA_BITS = 1, 8
"""Sample format, as TIFF counts them, and bits of an alpha band."""

SOURCE = "Earth Engine REST v1alpha, ImageManifest; Cloud GeoTiff-Backed Earth Engine Assets"

UNKNOWN_BUCKET = (
    "where the bucket of {} is: it must be in the US multi-region, a US dual-region with"
    " us-central1, or us-central1, of the class Standard"
)

UNKNOWN_ALPHA = (
    "whether the last band, which masks, is a band of the asset, too: name bands= without it"
)

UNKNOWN_FIELDS = "whether missing data, masks and pyramiding policies are taken of external images"


@dataclass(frozen=True, slots=True)
class ManifestBand:
    """A band of an asset, and where it comes from.

    Attributes:
        id: its name.
        tileset: ID of the tileset that holds it; None for the only one.
        index: of the band in there, counted from 0.
        missing_data: values that hold nothing; empty: those that the files tell hold something,
            too. None: as in the files.
        pyramiding_policy: how lower resolutions are made; None as for the asset.
    """

    id: str
    tileset: str | None = None
    index: int = 0
    missing_data: Sequence[float] | None = None
    pyramiding_policy: PyramidingPolicy | None = None


Files = str | CloudFile | tinycog.Cog


class _Tileset(NamedTuple):
    """Files that are tiles of the same bands, looked at.

    Attributes:
        uris: of the files, with the generations that are known.
        report: what was found.
        bands: how many they have; None if they cannot be read.
        last: sample format and bits of the last band.
        unknown: what could not be found out.
    """

    uris: list[str]
    report: tinycog.ValidationReport
    bands: int | None
    last: tuple[int, int]
    unknown: list[str]


@short_tracebacks
async def image_manifest(
    tilesets: Files | Sequence[Files] | Mapping[str, Files | Sequence[Files]],
    name: str,
    *,
    external: bool = False,
    project: str | None = None,
    bands: Sequence[str | ManifestBand] | None = None,
    masking: Literal["missing-data", "alpha"] | None = None,
    missing_data: float | Sequence[float] | None = None,
    pyramiding_policy: PyramidingPolicy | None = None,
    properties: Mapping[str, str | int | float | date] | None = None,
    start_time: Moment | None = None,
    end_time: Moment | None = None,
    uri_prefix: str | None = None,
    overwrite: bool = False,
) -> EarthEngineRequest:
    """Make the request that uploads files as an asset, or registers COGs as one; nothing is sent.

    Args:
        tilesets: a file, or several that are tiles of one image; of several sets, which hold
            different bands, files by ID. Files are as for `create_asset`.
        name: "projects/my-project/assets/folder/name", or the ID of a legacy asset.
        external: whether the asset is backed by the COGs themselves (ImportExternalImage); by
            default they are uploaded.
        project: of Google Cloud, that makes the request; None is the project of the asset.
        bands: names of the bands of a single tileset, in its order, or where each comes from.
            By default all bands of the files, by the names that these tell.
        masking: "missing-data" pixels that have the value `missing_data`; "alpha": the last band of
            each tileset masks the others. By default what the files themselves tell.
        missing_data: values that hold nothing, in every band.
        pyramiding_policy: how lower resolutions are made, in every band; Earth Engine's own default
            is MEAN.
        properties: of the asset, strings and numbers. Its times are `start_time` and `end_time`.
        start_time: of the asset.
        end_time: of the asset, exclusive.
        uri_prefix: what all URIs begin with, told once.
        overwrite: replace an asset that is there.

    Raises:
        UsageError: an argument is wrong.
        NotFoundError, AccessDeniedError, SourceChangedError: as for `create_asset`.
        SourceError: the bytes cannot be had.

    Cost: that of `tinycog.validate` for each tileset.
    """
    asset, consumer = parse_name(name, None), project
    sets = _tilesets(tilesets)
    wrong = [ident for ident, files in sets.items() if external and len(files) > 1]
    if wrong:
        message = f"the tileset {wrong[0]!r} has several files: of external images each has one"
        raise UsageError(message)
    manifest: dict[str, object] = {"name": asset.full}
    fields = _fields(masking, missing_data, pyramiding_policy)
    listed = _properties(properties or {})
    times = _times(start_time, end_time)
    profile = "earth-engine-external" if external else "earth-engine-upload"
    found = {ident: await _look(files, profile) for ident, files in sets.items()}
    chosen = _bands(bands, found)
    if uri_prefix is not None:
        manifest["uriPrefix"] = uri_prefix
    manifest["tilesets"] = [
        {"id": ident, "sources": [{"uris": [_without(uri, uri_prefix)]} for uri in one.uris]}
        for ident, one in found.items()
    ]
    if chosen is not None:
        manifest["bands"] = chosen
    if masking == "alpha":
        manifest["maskBands"] = _mask_bands(bands, found)
    manifest |= fields | times
    if listed:
        manifest["properties"] = listed
    reports = tuple(one.report for one in found.values())
    unknown = [
        *not_known(reports),
        *UNKNOWN,
        *(text for one in found.values() for text in one.unknown),
    ]
    if external:
        first = next(iter(found.values())).uris[0]
        unknown.append(UNKNOWN_BUCKET.format(first.partition("#")[0]))
        unknown += [UNKNOWN_FIELDS] if fields or masking else []
    if masking == "alpha" and chosen is None:
        unknown.append(UNKNOWN_ALPHA)
    refused = [*refusals(reports), *(_alpha_refusals(found) if masking == "alpha" else ())]
    method = "importExternal" if external else "import"
    url = f"{HOST}/projects/{quote(consumer or asset.project)}/image:{method}"
    body: dict[str, object] = {"imageManifest": manifest, "overwrite": overwrite}
    return EarthEngineRequest(url, body, reports, tuple(refused), tuple(unknown), SOURCE)


# --- arguments -----------------------------------------------------------------------------------


def _tilesets(
    given: Files | Sequence[Files] | Mapping[str, Files | Sequence[Files]],
) -> dict[str, list[CloudFile]]:
    """Return the files of each tileset by its ID.

    Raises:
        UsageError: there are none.
    """
    sets = given if isinstance(given, Mapping) else {"0": given}
    found = {
        ident: [
            as_cloud_file(one)
            for one in ([files] if isinstance(files, str | CloudFile | tinycog.Cog) else files)
        ]
        for ident, files in sets.items()
    }
    if not found or not all(found.values()):
        raise UsageError("an asset is made of one file at least")
    return found


def _fields(
    masking: str | None, missing_data: float | Sequence[float] | None, policy: str | None
) -> dict[str, object]:
    """Return what the manifest says of all bands."""
    if masking not in (None, "missing-data", "alpha"):
        message = f'masking is "missing-data", "alpha" or None, not {masking!r}'
        raise UsageError(message)
    if (masking == "missing-data") != (missing_data is not None):
        message = 'masking="missing-data" and missing_data= go together'
        raise UsageError(message)
    fields: dict[str, object] = {}
    if missing_data is not None:
        given = [missing_data] if isinstance(missing_data, int | float) else missing_data
        fields["missingData"] = {"values": _numbers(given)}
    if policy is not None:
        fields["pyramidingPolicy"] = _policy(policy)
    return fields


def _numbers(values: Sequence[float]) -> list[float]:
    for value in values:
        if isinstance(value, bool) or not isfinite(value):
            message = f"missing_data holds finite numbers, which alone JSON has, not {value!r}"
            raise UsageError(message)
    return list(values)


def _policy(given: str) -> str:
    if given not in POLICIES:
        message = f"pyramiding_policy is one of {', '.join(POLICIES)}, not {given!r}"
        raise UsageError(message)
    return given


def _properties(
    given: Mapping[str, str | int | float | date],
) -> dict[str, str | int | float]:
    for name in TIMES:
        if name in given:
            message = f"{name} is deprecated in manifests: give start_time= and end_time="
            raise UsageError(message)
    return make_properties(given)


def _times(start_time: Moment | None, end_time: Moment | None) -> dict[str, object]:
    start, end = (
        None if given is None else parse_moment(given, word)
        for given, word in ((start_time, "start_time"), (end_time, "end_time"))
    )
    check_interval(start, end, "start_time")
    pairs = (("startTime", start), ("endTime", end))
    return {word: to_timestamp(moment) for word, moment in pairs if moment is not None}


def _without(uri: str, prefix: str | None) -> str:
    if prefix is None:
        return uri
    if not uri.startswith(prefix) or uri == prefix:
        message = f"{uri} does not begin with uri_prefix={prefix!r}"
        raise UsageError(message)
    return uri.removeprefix(prefix)


# --- files ---------------------------------------------------------------------------------------


async def _look(files: Sequence[CloudFile], profile: str) -> _Tileset:
    """Look at the files of a tileset."""
    async with AsyncExitStack() as stack:
        cogs = [await stack.enter_async_context(opened(file)) for file in files]
        report = await tinycog.validate(cogs if len(cogs) > 1 else cogs[0], profile)
        uris = [pinned_uri(file, cog) for file, cog in zip(files, cogs, strict=True)]
        unknown = [UNKNOWN_WITHOUT_GENERATION.format(uri) for uri in uris if "#" not in uri]
        unknown += [
            UNKNOWN_COPY.format(uri, cog.name)
            for uri, cog, file in zip(uris, cogs, files, strict=True)
            if file.where is not None and cog.name != uri.partition("#")[0]
        ]
        if any(finding.rule == "file/readable" for finding in report.findings):
            return _Tileset(uris, report, None, (0, 0), unknown)
        await cogs[0]  # all of its header: rules may have looked at less
        image = cogs[0].levels[0].image
        last = image.sample_formats[-1], image.bits_per_sample[-1]
        return _Tileset(uris, report, image.samples, last, unknown)


def _bands(
    given: Sequence[str | ManifestBand] | None, found: Mapping[str, _Tileset]
) -> list[dict[str, object]] | None:
    """Return the bands of the manifest.

    Raises:
        UsageError: a band is of no tileset, or comes twice.
    """
    if given is None:
        return None
    bands: list[dict[str, object]] = []
    for number, one in enumerate(given):
        band = ManifestBand(one, index=number) if isinstance(one, str) else one
        tileset = _tileset_of(band, found)
        count = found[tileset].bands
        if count is not None and not 0 <= band.index < count:
            message = f"band {band.id!r} is band {band.index} of the tileset {tileset!r}, which has"
            message += f" bands 0 to {count - 1}"
            raise UsageError(message)
        entry: dict[str, object] = {
            "id": band.id,
            "tilesetId": tileset,
            "tilesetBandIndex": band.index,
        }
        if band.missing_data is not None:
            entry["missingData"] = {"values": _numbers(band.missing_data)}
        if band.pyramiding_policy is not None:
            entry["pyramidingPolicy"] = _policy(band.pyramiding_policy)
        if any(other["id"] == band.id for other in bands):
            message = f"two bands have the name {band.id!r}"
            raise UsageError(message)
        bands.append(entry)
    return bands


def _tileset_of(band: ManifestBand, found: Mapping[str, _Tileset]) -> str:
    if band.tileset is None and len(found) == 1:
        return next(iter(found))
    if band.tileset is None or band.tileset not in found:
        message = f"band {band.id!r} is of one of the tilesets {', '.join(found)}: give tileset="
        raise UsageError(message)
    return band.tileset


def _mask_bands(
    given: Sequence[str | ManifestBand] | None, found: Mapping[str, _Tileset]
) -> list[dict[str, object]]:
    """Return what the last band of each tileset masks.

    Raises:
        UsageError: there are several tilesets, and no bands to tell which each of them masks.
    """
    if len(found) == 1:
        return [{"tilesetId": next(iter(found))}]
    if given is None:
        raise UsageError('masking="alpha" of several tilesets needs bands=: each masks its own')
    named = [band for band in given if isinstance(band, ManifestBand)]
    return [
        {"tilesetId": ident, "bandIds": [band.id for band in named if band.tileset == ident]}
        for ident in found
        if any(band.tileset == ident for band in named)
    ]


def _alpha_refusals(found: Mapping[str, _Tileset]) -> list[str]:
    """Return why last bands are no alpha bands."""
    texts: list[str] = []
    for one in found.values():
        if one.bands == 1:
            texts.append(f"{one.report.name}: a single band cannot mask others")
        elif one.bands is not None and one.last != (UNSIGNED, ALPHA_BITS):
            bits = f"{one.last[1]} bits" if one.last[1] != ALPHA_BITS else "signs"
            texts.append(f"{one.report.name}: the last band has {bits}, an alpha band is of uint8")
    return texts
