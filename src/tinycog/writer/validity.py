"""What samples say of which pixels are valid, once they are written with their facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinycog.geo.write_colour import colour_of
from tinycog.geo.written_facts import WrittenFacts
from tinycog.pixels.mask import NODATA_VALUES, MaskFacts, mask_facts_of


def said_by_samples(facts: WrittenFacts, bands: int, dtype: np.dtype[Any]) -> MaskFacts:
    """Return what samples say of which pixels are valid, to who reads a file with these facts.

    Args:
        facts: of the file.
        bands: number of its bands.
        dtype: of its samples.

    Raises:
        UsageError: what the facts tell of colours makes no sense.
    """
    values = facts.tags.get("", {}).get(NODATA_VALUES)

    def colours() -> Sequence[str]:
        return colour_of(facts, bands, dtype, bits=facts.bits).names

    return mask_facts_of(bands, dtype, facts.nodata, values, colours)
