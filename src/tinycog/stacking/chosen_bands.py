"""Files of a stack as far as they could be opened, and the bands that they have of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from tinycog.errors import TinycogError, UsageError
from tinycog.reader.open_file import OpenFile
from tinycog.stacking.band_names import FileBands, Selector, find, select
from tinycog.stacking.stack_files import StackFile
from tinycog.stacking.stack_options import StackOptions

Item = TypeVar("Item")

Uses = dict[int, list[int]]
"""By position of a file: for each band of the stack that it has, which of its own bands it is;
-1 for one that it has not."""

NOT_THERE = -1


class OpenedFiles(NamedTuple):
    """Files of a stack, as far as they could be opened.

    Attributes:
        files: what is known of each.
        handles: of each; open unless it is in `errors`, or holds no band of the stack.
        errors: why files cannot be opened, by position.
        used: positions of those that may hold a band of the stack.
    """

    files: Sequence[StackFile]
    handles: Sequence[OpenFile]
    errors: Mapping[int, TinycogError]
    used: Sequence[int]

    def scenes(self) -> dict[str, list[int]]:
        """Return positions of files by their scenes, in their order."""
        found: dict[str, list[int]] = {}
        for n in self.used:
            found.setdefault(self.files[n].scene, []).append(n)
        return found

    def bands(self, n: int) -> FileBands:
        """Return the bands of a file; where it is not open, those that are known."""
        file = self.files[n]
        told: Sequence[str | None] = file.bands or ()
        if n in self.errors:
            names = [[name] if name else [] for name in told or (None,)]
            return FileBands(n, file.key, names, file.common)
        count = self.handles[n].levels[0].samples
        own = self.handles[n].metadata.descriptions
        told = told if len(told) == count else (None,) * count
        pairs = zip(told, own, strict=True)
        names = [[name for name in pair if name] for pair in pairs]
        return FileBands(n, file.key, names, file.common)


class ChosenBands(NamedTuple):
    """Which band of which file is a band of the stack.

    Attributes:
        selectors: what the bands of the stack are.
        uses: which of them each file has.
        lacking: what scenes lack, by step.
    """

    selectors: list[Selector]
    uses: Uses
    lacking: list[tuple[int, UsageError]]


def most_first(items: Sequence[Item], key: Callable[[Item], Hashable]) -> list[Item]:
    """Return items in their order, those first that have the same as most."""
    counts = Counter(map(key, items))
    return sorted(items, key=lambda one: -counts[key(one)])


def choose_bands(opened: OpenedFiles, options: StackOptions, *, keep: bool) -> ChosenBands:
    """Find the bands of the stack in each scene; the first that can be opened says what they are.

    Where what does not fit is kept, that is the first of those that have the same as most.

    Raises:
        UsageError: it has no such bands.
    """
    scenes = opened.scenes()
    whole = {
        scene: files
        for scene, files in scenes.items()
        if not any(n in opened.errors for n in files)
    }
    candidates = list(whole or scenes)
    if keep:
        names = {scene: str([opened.bands(n)[1:] for n in scenes[scene]]) for scene in candidates}
        candidates = most_first(candidates, names.__getitem__)
    first = candidates[0]
    files = scenes[first]
    selectors = select(options.bands, [opened.bands(n) for n in files], first)
    uses: Uses = {}
    lacking: list[tuple[int, UsageError]] = []
    for scene, files in scenes.items():
        if options.bands is None and (extra := _extra(opened, files, selectors, (scene, first))):
            lacking.append((opened.files[files[0]].step, extra))
            continue
        try:
            found = find(selectors, [_told(opened, n, len(selectors)) for n in files], scene)
        except UsageError as error:
            lacking.append((opened.files[files[0]].step, error))
            continue
        if len({(band.file, band.band) for band in found}) < len(found):
            message = f"bands= has a band of scene {scene!r} twice"
            raise UsageError(message)
        for place, band in enumerate(found):
            uses.setdefault(band.file, [NOT_THERE] * len(selectors))[place] = band.band
    if not uses:
        raise lacking[0][1]
    return ChosenBands(selectors, uses, lacking)


def _told(opened: OpenedFiles, n: int, count: int) -> FileBands:
    """Return bands of a file; one that cannot be opened and of which nothing is known has all."""
    file = opened.files[n]
    if n in opened.errors and file.bands is None and file.key is None:
        return FileBands(n, None, [[] for _ in range(count)])
    return opened.bands(n)


def _extra(
    opened: OpenedFiles,
    files: Sequence[int],
    selectors: Sequence[Selector],
    scenes: tuple[str, str],
) -> UsageError | None:
    """Return the error of a scene that has not as many bands as the first, where all are wanted.

    `scenes` are the names of both.
    """
    count = sum(len(_told(opened, n, len(selectors)).names) for n in files)
    if count == len(selectors):
        return None
    scene, first = scenes
    message = (
        f"scene {scene!r} has {count} bands, but {first!r} has {len(selectors)}:"
        " pass bands= that all scenes have"
    )
    return UsageError(message)
