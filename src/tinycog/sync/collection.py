"""Collections whose methods block; imported when they are first used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import tinycog
from tinycog.sync import mosaics as _mosaics  # noqa: F401  # pyright: ignore[reportUnusedImport] - what collections make blocks, too
from tinycog.sync import stacks as _stacks  # noqa: F401  # pyright: ignore[reportUnusedImport] - likewise
from tinycog.sync.blocking import Blocking, blocking


class Asset(Blocking, of=tinycog.Asset):
    """A file of a collection: `tinycog.Asset`, whose `open` gives a handle that blocks."""


class Collection(Blocking, Sequence[Asset], of=tinycog.Collection):
    """Assets in an order: `tinycog.Collection`, blocking."""

    asynchronous: tinycog.Collection

    __len__: Any
    __getitem__: Any

    def __add__(self, other: Collection) -> Self:
        """Return the assets of both, one after the other."""
        return blocking(self.asynchronous + other.asynchronous)
