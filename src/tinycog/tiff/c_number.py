"""Numbers that tags hold as text, read as C's `strtod` does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

NUMBER = (
    r"(?ai)(?P<nan>[-+]?(nan|1\.#(qnan|snan|ind)))"
    r"|(?P<sign>[-+]?)"
    r"(inf(inity)?|(?P<mantissa>\d+\.?\d*|\.\d+)(e(?P<exponent>[-+]?\d+))?)"
)

SPACE = " \t\n\v\f\r"

EXPONENT_LENGTH = 6
"""Characters of an exponent that are read: with more of them it is out of range anyway."""

MAX_EXPONENT = 400
"""Exponents beyond this, either way, are beyond every dtype: infinity, or 0."""


def leading_number(text: str) -> Decimal | None:
    """Parse the number at the start of a text, exactly; None if it starts with none.

    A comma is a decimal point; NaN and infinity may be in any case, and as Windows writes them.
    """
    from decimal import Decimal  # noqa: PLC0415 - files with nodata only

    found = re.match(NUMBER, text.lstrip(SPACE).replace(",", "."))
    if found is None:
        return None
    if found["nan"]:
        return Decimal("nan")
    exponent = int((found["exponent"] or "0")[:EXPONENT_LENGTH])
    if abs(exponent) > MAX_EXPONENT:
        is_infinite = exponent > 0 and Decimal(found["mantissa"])
        return Decimal("inf" if is_infinite else 0).copy_sign(Decimal(found["sign"] + "1"))
    return Decimal(found[0])
