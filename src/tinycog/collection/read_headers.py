"""Read the headers of many files side by side, with progress; one that fails does not stop others.

Which is said at once if that is wanted, else told at the end (cog.collection.failed).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypeVar

from tinycog.checks import check_size
from tinycog.collection.asset import Asset, Sign
from tinycog.collection.facts import placed, with_header
from tinycog.collection.open_options import OpenOptions
from tinycog.errors import TinycogError, UsageError

T = TypeVar("T")

AssetErrors = Literal["raise", "keep"]
"""What happens where the header of an asset cannot be read: its error is raised, or kept."""

OnProgress = Callable[[int, int], object]
"""Called with how many headers have been read, and of how many."""


class FailedAsset(NamedTuple):
    """An asset whose header cannot be read.

    Attributes:
        name: of the asset.
        where: url or path.
        error: why.
    """

    name: str
    where: str
    error: TinycogError


@dataclass(frozen=True)
class HeaderReading:
    """How headers are read.

    Attributes:
        concurrency: files at once.
        errors: what happens with one that fails.
        on_progress: is told.
        sign: signs urls.
        options: of `tinycog.open`.
    """

    concurrency: int = 64
    errors: AssetErrors = "raise"
    on_progress: OnProgress | None = None
    sign: Sign | None = None
    options: OpenOptions = field(default_factory=OpenOptions)

    def __post_init__(self) -> None:
        """Check what a caller gave.

        Raises:
            UsageError: one of them is none.
        """
        check_size(self.concurrency, "concurrency")
        if self.errors not in ("raise", "keep"):
            message = f'errors= is "raise" or "keep", not {self.errors!r}'
            raise UsageError(message)

    async def read(self, assets: Sequence[Asset]) -> tuple[list[Asset], list[FailedAsset]]:
        """Return assets with their headers, in their order, and those that failed."""
        found = await self.each(assets, self.read_one)
        read = placed([one for one in found if isinstance(one, Asset)])
        return read, [one for one in found if isinstance(one, FailedAsset)]

    async def each(
        self, assets: Sequence[Asset], work: Callable[[Asset], Awaitable[T]]
    ) -> list[T | FailedAsset]:
        """Do something with each asset, so many at once; return what each gave, in their order.

        Raises:
            TinycogError: one failed, if that is to be raised; it names the asset.
        """
        found: list[Any] = [None] * len(assets)
        waiting = iter(enumerate(assets))
        done = 0

        async def work_on() -> None:
            nonlocal done
            for i, asset in waiting:
                try:
                    found[i] = await work(asset)
                except TinycogError as error:
                    error.name_asset(asset.name)
                    if self.errors == "raise":
                        raise
                    found[i] = FailedAsset(asset.name, asset.where, error)
                done += 1
                if self.on_progress is not None:
                    self.on_progress(done, len(assets))

        workers = min(self.concurrency, len(assets))
        tasks = [asyncio.create_task(work_on()) for _ in range(workers)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return found

    async def read_one(self, asset: Asset) -> Asset:
        """Return an asset with what its header says now, to be `placed`."""
        if asset.snapshot is not None:  # what it says of bands is that of the old header
            asset = replace(asset, snapshot=None, bands=None)
        async with asset.open(sign=self.sign, **self.options) as cog:
            return with_header(asset, cog)
