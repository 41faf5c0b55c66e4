"""`create_asset`: the request that makes an asset of a COG in Cloud Storage, in the older way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
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
from tinycog.tracebacks import short_tracebacks

SOURCE = (
    "Earth Engine, Cloud GeoTiff Backed Earth Engine Assets, as it was with CreateAsset; the newer"
    " page has ImportExternalImage in its place: image_manifest(..., external=True)"
)

UNSTATED = (
    "whether its size, number of bands, dtype, CRS and masks are taken: the page does not say"
)

NEWER = (
    "whether Earth Engine still takes this request: its newer page names ImportExternalImage, tiles"
    " of 256 to 2048, and buckets in the US alone"
)

TWICE = "which of startTime, endTime and system:time_start, system:time_end counts: they differ"


@short_tracebacks
async def create_asset(
    file: str | CloudFile | tinycog.Cog,
    asset_id: str,
    *,
    project: str | None = None,
    properties: Mapping[str, str | int | float | date] | None = None,
    time_start: Moment | None = None,
    time_end: Moment | None = None,
    start_time: Moment | None = None,
    end_time: Moment | None = None,
) -> EarthEngineRequest:
    """Make the request that creates an asset backed by a COG, and look whether it would be taken.

    Nothing is sent. Earth Engine takes bands, place and the rest from the file itself.

    Args:
        file: "gs://bucket/object", with "#123" its generation; a `CloudFile`, whose bytes are
            looked at elsewhere; or a handle of a gs:// url. Without a generation, that of the file
            that was looked at is named, if it is known.
        asset_id: "projects/my-project/assets/folder/name"; or "folder/name" with `project`; or the
            ID of a legacy asset, "users/me/name".
        project: of Google Cloud; None for legacy assets.
        properties: of the asset, strings and numbers. "system:time_start" and "system:time_end" are
            taken as any `Moment`.
        time_start: property system:time_start, by which collections are filtered.
        time_end: property system:time_end.
        start_time: startTime of the asset.
        end_time: endTime of the asset.

    Raises:
        UsageError: an argument is wrong.
        NotFoundError, AccessDeniedError, SourceChangedError: the object or its generation is not
            there, in the words of Earth Engine (`load_failure`).
        SourceError: the bytes cannot be had.

    Cost: that of `tinycog.validate(file, "earth-engine")`.
    """
    file, name = as_cloud_file(file), parse_name(asset_id, project)
    body: dict[str, object] = {"type": "IMAGE"}
    listed = make_properties(properties or {}, time_start, time_end)
    start, end = (
        None if given is None else parse_moment(given, word)
        for given, word in ((start_time, "start_time"), (end_time, "end_time"))
    )
    check_interval(start, end, "start_time")
    async with opened(file) as cog:
        report = await tinycog.validate(cog, "earth-engine")
        uri, looked_at = pinned_uri(file, cog), cog.name
    body["gcs_location"] = {"uris": [uri]}
    if listed:
        body["properties"] = listed
    if start is not None:
        body["startTime"] = to_timestamp(start)
    if end is not None:
        body["endTime"] = to_timestamp(end)
    unknown = [*not_known((report,)), *UNKNOWN, UNSTATED, NEWER]
    if "#" not in uri:
        unknown.append(UNKNOWN_WITHOUT_GENERATION.format(uri))
    if file.where is not None and looked_at != uri.partition("#")[0]:
        unknown.append(UNKNOWN_COPY.format(uri, looked_at))
    told = [None if word not in listed else parse_moment(int(listed[word]), word) for word in TIMES]
    if any(
        one is not None and other is not None and abs(one - other) >= timedelta(milliseconds=1)
        for one, other in zip((start, end), told, strict=True)
    ):
        unknown.append(TWICE)
    url = f"{HOST}/projects/{quote(name.project)}/assets?assetId={quote(name.id, safe='/')}"
    refused = refusals((report,))
    return EarthEngineRequest(url, body, (report,), refused, tuple(unknown), SOURCE)
