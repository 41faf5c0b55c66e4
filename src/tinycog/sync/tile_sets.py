"""Tile sets whose methods block; imported when they are first used."""

from __future__ import annotations

from typing import Any

import tinycog
from tinycog.sync.blocking import Blocking, Closing


class TileSet(Closing, Blocking, of=tinycog.TileSet, omit=["aclose"]):
    """Tiles of a tile matrix set, stored in COGs: `tinycog.TileSet`, blocking."""

    asynchronous: tinycog.TileSet

    def __init__(self, files: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as of the other
        """Take what `tinycog.TileSet` does, or one of these."""
        if isinstance(files, tinycog.TileSet):
            super().__init__(files)
            return
        plain = [one.asynchronous if isinstance(one, Blocking) else one for one in files]
        super().__init__(tinycog.TileSet(plain, *args, **options))
