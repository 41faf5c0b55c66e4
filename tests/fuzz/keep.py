"""Failures to files: the smallest one of each is kept in tests/corpus, and tried ever after."""

from __future__ import annotations

import re
from pathlib import Path

from fuzz.children import Children, Given
from fuzz.minimize import minimized
from fuzz.watch import Failure

CORPUS = Path(__file__).resolve().parents[1] / "corpus"


def keep(data: bytes, turn: int, failure: Failure, name: str, folder: Path = CORPUS) -> str:
    """Write the smallest such file, unless there is one of that failure; say what came of it.

    A failure that does not come again in a process of its own is not kept.
    """
    place = folder / failure.kind
    slug = re.sub(r"[^A-Za-z0-9]+", "-", failure.where).strip("-").lower()
    known = sorted(place.glob(f"{slug}--*.tif"))
    if known:
        return f"known: {known[0].name}"
    if not any(failure.is_like(found) for _, found in Children().failures([Given(data, turn)])):
        return "not seen again, alone in a process"
    smallest = minimized(data, turn, failure)
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{slug}--{name}.tif"
    path.write_bytes(smallest)
    return f"kept: {path}, {len(smallest)} bytes of {len(data)}"
