"""Slides: Aperio SVS and Hamamatsu NDPI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinycog.series.grouping import group
from tinycog.series.model import Draft, PageFrame
from tinycog.tiff.page_view import PagePath
from tinycog.tiff.parse import Value
from tinycog.tiff.spec import REDUCED, Tag

NAMES: dict[Value | None, str] = {(-1.0,): "Macro", (-2.0,): "Map"}
"""Names of images by the magnification that Hamamatsu gives them."""

MACRO = 8
"""Bit of NewSubfileType of the macro of an Aperio slide."""


def aperio(frames: Sequence[PageFrame]) -> list[Draft]:
    """Return the series of an Aperio slide: Baseline, Thumbnail, Label, Macro."""
    first, rest = frames[0], list(frames[1:])
    sizes: dict[tuple[int, ...], list[PageFrame]] = {first.shape: [first]}
    others: list[Draft] = []
    for frame in rest:
        if frame.image.subfile_type & REDUCED:
            name = "Macro" if frame.image.subfile_type & MACRO else "Label"
            others.append(_single(frame, name))
        elif frame.image.grid.strips:
            others.append(_single(frame, "Thumbnail"))
        else:
            sizes.setdefault(frame.shape, []).append(frame)
    base, *levels = sizes.values()
    whole = [level for level in levels if len(level) == len(base)]
    by_plane = list(zip(*whole, strict=True)) if whole else []
    return [Draft("Baseline", "svs", (("Z", len(base)),), base, levels=by_plane), *others]


def _single(frame: PageFrame, name: str) -> Draft:
    return Draft(name, "svs", (), [frame])


def hamamatsu(
    frames: Sequence[PageFrame], tags: Mapping[PagePath, Mapping[int, Value]]
) -> list[Draft]:
    """Return the series of an NDPI: the slide with its levels, Macro, Map.

    Args:
        frames: the pages.
        tags: `SourceLens` and `UserLabel` of each page, where it has them.
    """
    found: list[Draft] = []
    for draft in group(frames, "ndpi", "Z"):
        frame = draft.frames[0]
        known: Mapping[int, Value] = tags[frame.path] if frame is not None else {}
        label = known.get(Tag.NDPIUserLabel)
        name = NAMES.get(known.get(Tag.NDPISourceLens), "")
        if draft.levels:
            name = label if isinstance(label, str) and label else "Baseline"
        found.append(Draft(name, "ndpi", draft.leading, draft.frames, levels=draft.levels))
    return found
