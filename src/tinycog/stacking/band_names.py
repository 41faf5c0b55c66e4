"""Which band of which file is a band of the stack (cog.stack.bands). No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tinycog.errors import UsageError


class OfferedBand(NamedTuple):
    """A band that a scene has.

    Attributes:
        file: position of its file in the stack.
        band: of the file, counted from 0.
        names: all that it can be called.
        name: what it is called in the stack; None without any name.
        key: of the file in the scene.
        common: what bands of other scenes are called that are like it, as "red"; None if not known.
    """

    file: int
    band: int
    names: frozenset[str]
    name: str | None
    key: str | None
    common: str | None = None


class FileBands(NamedTuple):
    """The bands of a file.

    Attributes:
        file: position in the stack.
        key: name of the file in its scene, None without one.
        names: for each band all that it can be called, the preferred name first.
        common: common name of each, None for one without; empty where not known.
    """

    file: int
    key: str | None
    names: Sequence[Sequence[str]]
    common: Sequence[str | None] = ()

    def offered(self, *, is_alone: bool) -> list[OfferedBand]:
        """Return the bands; the only one of a file is also called as the file.

        `is_alone` says that the scene has no other file, whose bands may be called the same.
        """
        is_only = len(self.names) == 1
        has_common = len(self.common) == len(self.names)
        found: list[OfferedBand] = []
        for band, own in enumerate(self.names):
            names = [*([self.key] if self.key is not None and is_only else []), *own]
            name = names[0] if names else None
            if self.key is not None and not is_only and not is_alone:
                name = f"{self.key}.{name or band + 1}"
            every = frozenset(one for one in (*names, name) if one is not None)
            common = self.common[band] if has_common else None
            found.append(OfferedBand(self.file, band, every, name, self.key, common))
        return found


def bands_of(files: Sequence[FileBands]) -> list[OfferedBand]:
    """Return all bands of a scene, in the order of its files."""
    is_alone = len(files) == 1
    return [band for file in files for band in file.offered(is_alone=is_alone)]


class Selector(NamedTuple):
    """What a band of the stack is in each scene: by its name, else by its position.

    Attributes:
        name: that it is called, as the result has it; None without one.
        place: among all bands of a scene, counted from 0; None where the name says which.
        key: of the file whose bands are all taken, and which of them; None otherwise.
    """

    name: str | None
    place: int | None = None
    key: tuple[str, int] | None = None


def select(
    wanted: Sequence[str | int] | None, first: Sequence[FileBands], scene: str
) -> list[Selector]:
    """Return what the bands of the stack are, by its first scene.

    Args:
        wanted: names and positions as given; None for all bands.
        first: files of the first scene.
        scene: name of it, for messages.

    Raises:
        UsageError: the scene has no such band, or a name is that of several.
    """
    offered = bands_of(first)
    if wanted is None:
        return _all(offered)
    found: list[Selector] = []
    for one in wanted:
        if isinstance(one, int):
            band = _at(one, offered, scene)
            found.append(Selector(band.name, one))
            continue
        whole = [band for band in offered if band.key == one]
        if len(whole) > 1:
            found += [Selector(band.name, key=(one, band.band)) for band in whole]
        else:
            _named(one, offered, scene)
            found.append(Selector(one))
    return found


def _all(offered: Sequence[OfferedBand]) -> list[Selector]:
    """Return all bands: by their names where each has one of its own, else by position."""
    names = [band.name for band in offered]
    has_names = None not in names and len(set(names)) == len(names)
    return [Selector(name, None if has_names else n) for n, name in enumerate(names)]


def find(
    selectors: Sequence[Selector], files: Sequence[FileBands], scene: str
) -> list[OfferedBand]:
    """Return the band of a scene for each band of the stack.

    Raises:
        UsageError: the scene has none, or several of that name.
    """
    offered = bands_of(files)
    found: list[OfferedBand] = []
    for one in selectors:
        if one.place is not None:
            found.append(_at(one.place, offered, scene))
        elif one.key is not None:
            found.append(_of_key(*one.key, offered, scene))
        else:
            found.append(_named(one.name or "", offered, scene))
    return found


def _at(place: int, offered: Sequence[OfferedBand], scene: str) -> OfferedBand:
    if not 0 <= place < len(offered):
        message = f"scene {scene!r} has no band {place}: its {len(offered)} bands count from 0"
        raise UsageError(message)
    return offered[place]


def _of_key(key: str, band: int, offered: Sequence[OfferedBand], scene: str) -> OfferedBand:
    for one in offered:
        if one.key == key and one.band == band:
            return one
    message = f"scene {scene!r} has no band {band + 1} in {key!r}, which others have"
    raise UsageError(message)


def _named(name: str, offered: Sequence[OfferedBand], scene: str) -> OfferedBand:
    """Return the band of a name: of a file of that name, called so, or commonly called so."""
    found = (
        [one for one in offered if one.key == name]
        or [one for one in offered if name in one.names]
        or [one for one in offered if one.common == name]
    )
    if len(found) == 1:
        return found[0]
    if found:
        message = f"scene {scene!r} has {len(found)} bands {name!r}: name them by position"
        raise UsageError(message)
    known = ", ".join(one.name or f"{n} (no name)" for n, one in enumerate(offered)) or "none"
    message = (
        f"scene {scene!r} has no band {name!r}, but {known}: pass bands= that all scenes have"
        " (positions count from 0)"
    )
    raise UsageError(message)


def methods_by_band(
    resampling: str | Mapping[str | int, str], names: Sequence[str | None]
) -> list[str]:
    """Return how each band of the stack is resampled; "nearest" where a mapping has none.

    Raises:
        UsageError: the mapping has a band that the stack has not.
    """
    if isinstance(resampling, str):
        return [resampling] * len(names)
    for band in resampling:
        if band not in names and band not in range(len(names)):
            known = ", ".join(str(name) for name in names)
            message = f"resampling= has a method for {band!r}, but the stack has the bands {known}"
            raise UsageError(message)
    found: list[str] = []
    for n, name in enumerate(names):
        by_name = None if name is None else resampling.get(name)
        found.append(by_name or resampling.get(n, "nearest"))
    return found


def positions(wanted: Sequence[str | int] | None, names: Sequence[str | None]) -> list[int]:
    """Return positions of bands in the stack, by name or position.

    Raises:
        UsageError: the stack has no such band.
    """
    if wanted is None:
        return list(range(len(names)))
    found: list[int] = []
    for one in wanted:
        if one in names:
            found.append(names.index(one))  # pyright: ignore[reportArgumentType] - likewise
        elif isinstance(one, int) and 0 <= one < len(names):
            found.append(one)
        else:
            known = ", ".join(str(name) for name in names)
            message = f"the stack has no band {one!r}, but {known} (positions count from 0)"
            raise UsageError(message)
    return found
