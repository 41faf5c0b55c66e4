"""Whether a visit ended well."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from hostile.prison import CPU_SECONDS, MEMORY, Fate
from hostile.visit import Seen

REQUESTS = 50
NEAR = 3 / 255
"""Mean difference, as a part of the range, within which decoders of lossy codecs may differ."""


def faults(fate: Fate, peers: list[list[Any]] | None, cpu: int = CPU_SECONDS) -> list[str]:
    """What is wrong; nothing if all is well.

    `peers` are the levels of each, None: not asked; `cpu` are the seconds it may take.
    """
    found: list[str] = []
    if fate.stderr:
        found.append(f"stderr: {fate.stderr[-700:]!r}")
    if fate.seconds > cpu:
        found.append(f"{fate.seconds:.1f} s of CPU")
    if fate.rss > MEMORY:
        found.append(f"{fate.rss >> 20} MB of memory")
    seen: Seen | None = fate.result
    if seen is None:
        how = "hung" if fate.status < 0 else f"died of {os.waitstatus_to_exitcode(fate.status)}"
        return [*found, how]
    found += [f"{step.what} leaked: {step.error}" for step in seen.steps if step.leaked]
    found += [
        f"{step.what} took {step.requests} requests"
        for step in seen.steps
        if step.requests > REQUESTS
    ]
    if peers is not None:
        found += alone(seen, peers)
    return found


def alone(seen: Seen, peers: list[list[Any]]) -> list[str]:
    """How the pixels differ from those of every peer."""
    wrong: list[str] = []
    for z, pixels in seen.levels.items():
        reasons = [_unlike(pixels, levels, z, lossy=seen.lossy) for levels in peers]
        if not peers or all(reasons):
            wrong.append(f"level {z}: {'; '.join(reasons)}")
    return wrong


def _unlike(pixels: Any, levels: list[Any], z: int, *, lossy: bool) -> str:
    if z >= len(levels):
        return "no such level"
    other = levels[z]
    if isinstance(other, str):
        return other
    if other.shape[1:] == pixels.shape[1:] and (len(other), len(pixels)) == (4, 3):
        other = other[:3]  # without the alpha that GDAL adds to YCbCr
    if other.shape != pixels.shape:
        return f"shape {pixels.shape}, not {other.shape}"
    same = (pixels == other) | ((pixels != pixels) & (other != other))  # noqa: PLR0124 - NaN
    if same.all():
        return ""
    text = f"{np.count_nonzero(~same)} of {same.size} pixels differ"
    return "" if lossy and _gap(pixels, other) <= NEAR else text


def _gap(pixels: Any, other: Any) -> float:
    """Mean difference, as a part of the range."""
    top = 1 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    with np.errstate(all="ignore"):
        return float(np.abs(pixels.astype(float) - other.astype(float)).mean()) / top
