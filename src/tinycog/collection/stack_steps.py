"""Assets as files of a stack, and the steps in time that they are of (cog.stack.steps)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

import numpy as np

from tinycog.argument_types import CrsLike
from tinycog.checks import check_bounds
from tinycog.collection.asset import COMMON_NAME, Asset
from tinycog.collection.times import to_text
from tinycog.errors import UsageError
from tinycog.geo.given_crs import given_crs
from tinycog.geo.outline import bounds_into
from tinycog.stacking.stack_files import StackFile, StackStep
from tinycog.stacking.stack_grid import geometry_bounds
from tinycog.stacking.stack_options import AskedGrid

GroupBy = str | Callable[[Asset], Hashable] | None
"""What assets of a step have in common; see `Collection.stack`."""

HOUR_DEGREES = 15
"""Degrees of longitude for which the sun needs an hour."""

TURN = 360.0
POLE = 90.0

SPARE = 0.01
"""Part of its width and height by which an area is wider than asked for, beside a pixel."""

Bounds = tuple[float, float, float, float]


class Steps(NamedTuple):
    """Assets as files of a stack.

    Attributes:
        files: one for each asset, in their order.
        steps: in time.
    """

    files: tuple[StackFile, ...]
    steps: tuple[StackStep, ...]


def steps_of(assets: Sequence[Asset], groupby: GroupBy) -> Steps:
    """Return assets as files of a stack, and their steps.

    Raises:
        UsageError: some assets have a time and some have none, or what they are grouped by.
    """
    _check_times(assets)
    scenes = _scenes(assets)
    keys = [_key(asset, scene, groupby) for asset, scene in zip(assets, scenes, strict=True)]
    groups: dict[Hashable, list[int]] = {}
    for n, key in enumerate(keys):
        groups.setdefault(key, []).append(n)
    found = list(groups.items())
    if assets and assets[0].start is not None:
        found.sort(key=lambda pair: min(_start(assets[n]) for n in pair[1]))
    step_of = {n: number for number, (_, members) in enumerate(found) for n in members}
    _check_scenes(scenes, step_of)
    files = tuple(
        _file(asset, scene, step_of[n])
        for n, (asset, scene) in enumerate(zip(assets, scenes, strict=True))
    )
    steps = tuple(_step(key, [assets[n] for n in members]) for key, members in found)
    return Steps(files, steps)


def _start(asset: Asset) -> datetime:
    return asset.start or datetime.min.replace(tzinfo=UTC)


def _file(asset: Asset, scene: str, step: int) -> StackFile:
    key = asset.properties.get("asset") if _is_of_item(asset) else None
    given: Any = asset.properties.get(COMMON_NAME)
    common: list[object] = [given] if isinstance(given, str) else []
    if isinstance(given, list):
        common = cast("list[object]", given)
    return StackFile(
        asset.name,
        scene,
        step,
        None if key is None else str(key),
        asset.bands,
        asset.bounds,
        tuple(name if isinstance(name, str) else None for name in common),
    )


def _step(key: Hashable, assets: Sequence[Asset]) -> StackStep:
    times = [asset.start for asset in assets if asset.start is not None]
    time = _to_numpy(min(times)) if times else np.datetime64("NaT", "us")
    return StackStep(time, str(key), tuple(asset.name for asset in assets))


def _to_numpy(time: datetime) -> np.datetime64:
    return np.datetime64(time.replace(tzinfo=None), "us")


def _is_of_item(asset: Asset) -> bool:
    return bool(asset.properties.get("item")) and bool(asset.properties.get("asset"))


def _scenes(assets: Sequence[Asset]) -> list[str]:
    """Return the scene of each asset: the item of STAC that it is of, else itself."""
    names = Counter(asset.name for asset in assets if not _is_of_item(asset))
    found: list[str] = []
    for n, asset in enumerate(assets):
        if _is_of_item(asset):
            parts = (asset.properties.get("collection"), asset.properties["item"])
            found.append("/".join(str(part) for part in parts if part))
        else:
            found.append(asset.name if names[asset.name] == 1 else f"{asset.name} ({n})")
    return found


def _check_times(assets: Sequence[Asset]) -> None:
    """Raise a `UsageError` if some assets have a time and some have none."""
    without = [asset.name for asset in assets if asset.start is None]
    if without and len(without) < len(assets):
        known = next(asset.name for asset in assets if asset.start is not None)
        message = (
            f"{len(without)} of {len(assets)} assets have no time, but {known!r} has:"
            f" {', '.join(without[:3])}; leave them out (filter), or index times"
        )
        raise UsageError(message)


def _check_scenes(scenes: Sequence[str], step_of: dict[int, int]) -> None:
    """Raise a `UsageError` if files of one scene are of different steps."""
    first: dict[str, int] = {}
    for n, scene in enumerate(scenes):
        if first.setdefault(scene, step_of[n]) != step_of[n]:
            message = f"groupby= puts assets of {scene!r} into different steps"
            raise UsageError(message)


def _key(asset: Asset, scene: str, groupby: GroupBy) -> Hashable:
    """Return what the assets of a step have in common.

    Raises:
        UsageError: the asset has no such thing.
    """
    if groupby is None:
        return scene
    if callable(groupby):
        return groupby(asset)
    if groupby in ("time", "day", "solar_day"):
        if asset.start is None:
            message = f"groupby={groupby!r} needs a time, which asset {asset.name!r} has not"
            raise UsageError(message)
        if groupby == "time":
            return to_text(asset.start)
        shift = _solar_hours(asset) if groupby == "solar_day" else 0
        return (asset.start + timedelta(hours=shift)).date().isoformat()
    if groupby not in asset.properties:
        known = ", ".join(sorted(asset.properties)[:8]) or "none"
        message = (
            f"groupby={groupby!r} is neither time, day, solar_day nor a property of asset"
            f" {asset.name!r}, which has {known}"
        )
        raise UsageError(message)
    value = asset.properties[groupby]
    return value if isinstance(value, Hashable) else str(value)


def _solar_hours(asset: Asset) -> int:
    """Return the hours by which the sun is ahead of UTC in the middle of an asset, in whole ones.

    As in odc-stac: longitude / 15, towards zero.
    """
    if asset.bounds is None:
        message = (
            f"groupby='solar_day' needs a place, which asset {asset.name!r} has not:"
            " 'day' is of UTC"
        )
        raise UsageError(message)
    west, _, east, _ = asset.bounds
    east += TURN if west > east else 0.0
    middle = (west + east) / 2
    middle -= TURN if middle > TURN / 2 else 0.0
    return int(middle / HOUR_DEGREES)


def area_of(grid: AskedGrid, first: Asset) -> tuple[Bounds, CrsLike] | None:
    """Return bounds that hold the grid of a stack, and their CRS; None where they are not known.

    They are wider than what was asked for: edges are moved outwards to edges of pixels.

    Args:
        grid: as asked for.
        first: an asset: its CRS and pixel size are those of all where none is asked for.
    """
    crs: CrsLike | None = grid.crs or first.crs
    if crs is None:
        return None
    res = grid.res or (first.resolution if grid.crs is None else None) or (0.0, 0.0)
    if grid.transform is not None and grid.shape is not None:
        a, b, c, d, e, f = grid.transform
        rows, cols = grid.shape
        xs = [c + a * col + b * row for col in (0, cols) for row in (0, rows)]
        ys = [f + d * col + e * row for col in (0, cols) for row in (0, rows)]
        given: Bounds = min(xs), min(ys), max(xs), max(ys)
    elif grid.shape is None and res == (0.0, 0.0):
        return None
    elif grid.bounds is None:
        if grid.geometry is None:
            return None
        given = geometry_bounds(grid, given_crs(crs))
    elif grid.bounds_crs is None:
        given = check_bounds(grid.bounds, around=True)
    else:
        given = bounds_into(grid.bounds, grid.bounds_crs, crs)
    left, bottom, right, top = given
    wide, high = abs(right - left) * SPARE + res[0], (top - bottom) * SPARE + res[1]
    bottom, top = bottom - high, top + high
    if given_crs(crs).is_geographic:
        bottom, top = max(bottom, -POLE), min(top, POLE)
    return (left - wide, bottom, right + wide, top), crs
