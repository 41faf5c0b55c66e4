"""Checks of what a store answers to a range, from its header fields. No I/O."""

from __future__ import annotations

from tinycog.errors import RangeUnsupportedError
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.response import check_identity, sent_range
from tinycog.sources.stores.answer import ObjectRead


def check_answer(wanted: ObjectRead, headers: Fields, length: int | None) -> int | None:
    """Check that an answer holds the range that was asked; return the size of the object.

    The whole object is taken for a range from its first byte on that is no shorter.

    Args:
        wanted: the range that was asked.
        headers: those of the answer.
        length: number of bytes of the answer, None if that is not known yet.

    Raises:
        RangeMismatchError: another range was sent, or an encoded one.
        RangeUnsupportedError: the whole object was sent.
    """
    name, part = wanted.name, wanted.part
    check_identity(name, part, headers)
    if headers.get("Content-Range") is not None:
        return sent_range(name, part, headers)[1]
    if part.start == 0 and length is not None and length <= part.length:
        return length
    message = "the store ignores ranges and sent the whole object"
    raise RangeUnsupportedError(message, url=name, range=part)
