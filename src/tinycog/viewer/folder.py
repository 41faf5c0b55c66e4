"""TIFFs in a folder, and none outside of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tinycog.errors import NotFoundError

ENDINGS = (".tif", ".tiff", ".gtiff", ".btf", ".tf8")
"""What names of TIFFs end with."""

MOST_FILES = 1000
"""TIFFs of a folder that are listed."""

MOST_ENTRIES = 100_000
"""Names of a folder and those in it that are looked at."""


class Folder:
    """A folder, whose TIFFs have names: their paths in it, with slashes.

    What is hidden is left out, and what links lead to outside of it.
    """

    def __init__(self, path: Path) -> None:
        """Keep where it lies; nothing is listed."""
        self.root = path.resolve()

    def listed(self) -> tuple[dict[str, Path], bool]:
        """Return the TIFFs by name, sorted, and whether these are all."""
        found: dict[str, Path] = {}
        for name in self._names():
            if len(found) == MOST_FILES:
                return found, False
            path = self.inside(name)
            if path is not None:
                found[name] = path
        return found, True

    def inside(self, name: str) -> Path | None:
        """Return where a name leads to; None if that is no file in the folder.

        Names are those that were listed: no path of a request is ever joined to the folder.
        """
        try:
            path = (self.root / name).resolve(strict=True)
        except (OSError, RuntimeError):  # gone, or links in a circle
            return None
        return path if path.is_relative_to(self.root) and path.is_file() else None

    def path_of(self, name: str) -> Path:
        """Return where a listed file lies now.

        Raises:
            NotFoundError: it is gone, or was replaced by a link that leads out of the folder.
        """
        path = self.inside(name)
        if path is None:
            raise NotFoundError("there is no such file in the folder any more", url=name)
        return path

    def _names(self) -> Iterator[str]:
        seen = 0
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(one for one in folders if not one.startswith("."))
            for file in sorted(files):
                seen += 1
                if seen > MOST_ENTRIES:
                    return
                if file.lower().endswith(ENDINGS) and not file.startswith("."):
                    yield (Path(folder) / file).relative_to(self.root).as_posix()
