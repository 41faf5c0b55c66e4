"""The verdict on a file: what tinycog, GDAL and tifffile made of it, against what was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tinycog
from conformance.case import Case
from conformance.pixels import nodata_of
from conformance.readers import Read, read_gdal, read_tifffile, read_tinycog

Pixels = NDArray[np.generic]

RIGHT, REFUSED, WRONG, LEAKED = VERDICTS = ("right", "refused", "wrong", "leaked")

NEAR_PEER = 3 / 255
"""Mean difference, as a part of the range, within which decoders of lossy codecs may differ."""

NEAR_SOURCE = 8 / 255
"""Mean difference, as a part of the range, that a lossy codec may make on our smooth pixels."""

ROUNDED = 4
"""Greatest difference of 8-bit colours that are computed: only rounding differs."""


@dataclass(frozen=True)
class Verdict:
    """One of `VERDICTS`, and why."""

    word: str
    why: str = ""


@dataclass(frozen=True)
class Outcome:
    """What the three readers made of one case."""

    case: Case
    tinycog: Verdict
    gdal: Verdict
    tifffile: Verdict


def judge(case: Case, path: Path, truth: Sequence[Pixels | None]) -> Outcome:
    """Read the file three times and compare; `truth` has the pixels of each level, where known."""
    gdal, tifffile = read_gdal(path, case.photometric), read_tifffile(path)
    peers = [_of_peer(case, read, truth) for read in (gdal, tifffile)]
    trusted = [
        read for read, verdict in zip((gdal, tifffile), peers, strict=True) if verdict.word == RIGHT
    ]
    return Outcome(case, _of_tinycog(case, read_tinycog(path), truth, trusted), *peers)


def _of_peer(case: Case, read: Read, truth: Sequence[Pixels | None]) -> Verdict:
    if read.error is not None:
        return Verdict(REFUSED, _text(read.error))
    for z, (found, wanted) in enumerate(zip(read.levels, truth, strict=False)):
        if wanted is not None and (why := _unlike_source(case, _cut(found, wanted), wanted)):
            return Verdict(WRONG, f"level {z}: {why}")
    return Verdict(RIGHT)


def _of_tinycog(
    case: Case, read: Read, truth: Sequence[Pixels | None], trusted: Sequence[Read]
) -> Verdict:
    if read.error is not None:
        is_ours = isinstance(read.error, tinycog.TinycogError)
        return Verdict(REFUSED if is_ours else LEAKED, _text(read.error))
    if len(read.levels) != len(truth):
        return Verdict(WRONG, f"{len(read.levels)} levels, not {len(truth)}")
    for z, (found, wanted) in enumerate(zip(read.levels, truth, strict=True)):
        peers = [peer.levels[z] for peer in trusted if z < len(peer.levels)]
        if why := _why_wrong(case, found, wanted, peers):
            return Verdict(WRONG, f"level {z}: {why}")
    why = _wrong_facts(case, read)
    return Verdict(WRONG, why) if why else Verdict(RIGHT)


def _wrong_facts(case: Case, read: Read) -> str:
    if case.has("mask") and case.writer == "gdal" and not read.masked[0]:
        return "no mask"
    if case.has("nodata") and read.nodata != nodata_of(case):
        return f"nodata {read.nodata}, not {nodata_of(case)}"
    return ""


def _why_wrong(case: Case, found: Pixels, wanted: Pixels | None, peers: list[Pixels]) -> str:
    """Say what is wrong with a level; an empty string if nothing is.

    It must be what was written, or near it where the codec is lossy; and what one of the other
    readers gives, of those that are right by the same measure.
    """
    if found.dtype != case.kind.dtype:
        return f"dtype {found.dtype}, not {case.kind.dtype}"
    if wanted is not None and (why := _unlike_source(case, found, wanted)):
        return why
    if wanted is not None and not case.lossy and not case.has("rounded"):
        return ""
    near = NEAR_PEER if case.lossy else 0.0
    reasons = [_unlike(case, found, _cut(peer, found), near) for peer in peers]
    if reasons and all(reasons):
        return f"against the peers: {reasons[0]}"
    if not reasons and wanted is None:
        return "nobody says what is right"
    return ""


def _unlike_source(case: Case, found: Pixels, wanted: Pixels) -> str:
    """Say how pixels differ from what was written, beyond what the codec may do to them."""
    if found.dtype == np.complex64:
        wanted = wanted.astype(np.complex64)  # rasterio has no other for integers of 32 bits
    if case.has("rounded") and found.shape == wanted.shape:
        most = int(np.abs(found.astype(int) - wanted.astype(int)).max())
        return f"colours differ by {most}" if most > ROUNDED else ""
    return _unlike(case, found, wanted, NEAR_SOURCE if case.lossy else 0.0)


def _unlike(case: Case, found: Pixels, wanted: Pixels, near: float) -> str:
    """Say how two arrays differ, if by more than `near` in the mean; else an empty string."""
    if found.shape != wanted.shape:
        return f"shape {found.shape}, not {wanted.shape}"
    same = (found == wanted) | ((found != found) & (wanted != wanted))  # noqa: PLR0124 - NaN
    if same.all():
        return ""
    differ = f"{np.count_nonzero(~same)} of {same.size} pixels differ"
    if not near:
        first = tuple(int(i) for i in np.argwhere(~same)[0])
        return f"{differ}, first {first}: {found[first]}, not {wanted[first]}"
    top = 1 if found.dtype.kind == "f" else (1 << case.kind.bits) - 1
    mean = float(np.abs(found.astype(np.float64) - wanted.astype(np.float64)).mean()) / top
    return f"{differ}, by {mean:.4f} of the range" if not mean <= near else ""


def _cut(found: Pixels, wanted: Pixels) -> Pixels:
    """Without the alpha that GDAL adds to YCbCr."""
    return found[:3] if len(found) == 4 and len(wanted) == 3 else found


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]
