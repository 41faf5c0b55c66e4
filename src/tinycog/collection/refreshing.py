"""Which files were replaced or removed since they were indexed; only those are read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from tinycog.collection.asset import Asset
from tinycog.collection.facts import placed
from tinycog.collection.read_headers import FailedAsset, HeaderReading
from tinycog.errors import NotFoundError, SourceChangedError

State = Literal["same", "replaced", "removed"]


class Found(NamedTuple):
    """Assets as they are now.

    Attributes:
        assets: in their order; those that had failed come last.
        failed: those that cannot be read.
        replaced: names.
        removed: names.
    """

    assets: list[Asset]
    failed: list[FailedAsset]
    replaced: tuple[str, ...]
    removed: tuple[str, ...]


async def refreshed(
    assets: Sequence[Asset], failed: Sequence[FailedAsset], reading: HeaderReading
) -> Found:
    """Return assets as they are now, and what became of them.

    Raises:
        TinycogError: one cannot be read, if that is to be raised.
    """
    again = [Asset(one.name, one.where) for one in failed]
    tried_again = {id(one) for one in again}

    async def look(asset: Asset) -> tuple[Asset, State]:
        try:
            if id(asset) in tried_again:
                return await reading.read_one(asset), "same"
            return await _now(asset, reading)
        except NotFoundError:
            return asset, "removed"

    found = await reading.each([*assets, *again], look)
    states = [one for one in found if not isinstance(one, FailedAsset)]
    kept = [asset for asset, state in states if state != "removed"]
    names = {
        wanted: tuple(
            asset.name
            for asset, state in states
            if state == wanted and id(asset) not in tried_again
        )
        for wanted in ("replaced", "removed")
    }
    broken = [one for one in found if isinstance(one, FailedAsset)]
    still = {id(asset) for asset, state in states if state == "removed"}
    broken += [one for one, bare in zip(failed, again, strict=True) if id(bare) in still]
    return Found(placed(kept), broken, names["replaced"], names["removed"])


async def _now(asset: Asset, reading: HeaderReading) -> tuple[Asset, State]:
    """Return an asset as it is now, and what became of it."""
    if asset.snapshot is None:  # its header was never read
        return asset, "same"
    if asset.generation is not None:
        options = {**reading.options, "cache": False}
        try:
            async with asset.open(sign=reading.sign, **options) as cog:  # pyright: ignore[reportArgumentType]
                await cog.check_current()
        except SourceChangedError:
            pass
        else:
            return asset, "same"
    fresh = await reading.read_one(replace(asset, generation=None))
    is_same = asset.generation is None and fresh.snapshot == asset.snapshot
    return fresh, "same" if is_same else "replaced"
