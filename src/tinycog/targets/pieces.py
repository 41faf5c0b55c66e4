"""A file made of another one's bytes and of new ones, and the parts of an upload of it. No I/O.

A store copies parts by itself, but none that is shorter than its shortest part: what lies between
two changes that are close is sent again, and so is what follows a change up to that length
(store.update.parts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tinycog.errors import LimitError
from tinycog.targets.parts import GIB, PREFERRED, PartRules
from tinycog.tiff.ranges import ByteRange

Piece = bytes | memoryview | ByteRange
"""Bytes that are new, or where the same ones lie in the file as it was."""

COPIED_PART = GIB
"""Bytes of a part that the store copies, at most: it answers when it has copied them."""

SENT_PART = PREFERRED
"""Bytes of a part that is sent, at most."""


def piece_length(piece: Piece) -> int:
    """Return the bytes of a piece."""
    return piece.length if isinstance(piece, ByteRange) else memoryview(piece).nbytes


def joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Give pieces without empty ones; ranges that follow each other are one."""
    last: ByteRange | None = None
    for piece in pieces:
        if not piece_length(piece):
            continue
        if last is not None:
            if isinstance(piece, ByteRange) and piece.start == last.stop:
                last = ByteRange(last.start, piece.stop)
                continue
            yield last
            last = None
        if isinstance(piece, ByteRange):
            last = piece
        else:
            yield piece
    if last is not None:
        yield last


def parts_of(pieces: Iterable[Piece], rules: PartRules) -> list[list[Piece]]:
    """Return the pieces of each part; one that is a range alone is copied, others are sent.

    Raises:
        LimitError: they do not fit into an object.
    """
    whole = list(joined(pieces))
    total = sum(map(piece_length, whole))
    copied = min(max(COPIED_PART, 2 * -(-total // rules.max_parts)), rules.max_bytes)
    parts = list(_parts(whole, rules, copied))
    if len(parts) > rules.max_parts or total > rules.max_object:
        message = (
            f"{total} bytes in {len(parts)} parts do not fit into an object of {rules.name}, which"
            f" takes {rules.max_object} in {rules.max_parts}: write the file anew"
        )
        raise LimitError(message, asked=total, allowed=rules.max_object)
    return parts


def _parts(pieces: Sequence[Piece], rules: PartRules, copied: int) -> Iterator[list[Piece]]:
    least = rules.min_bytes
    longest = max(SENT_PART, 2 * least)  # halves are long enough
    sent: list[Piece] = []
    length = 0
    for i, piece in enumerate(pieces):
        if isinstance(piece, ByteRange):
            taken = min(max(least - length, 0), piece.length) if sent else 0
            is_short = piece.length - taken < least and i + 1 < len(pieces)
            if not is_short and piece.length > taken:
                if sent:
                    sent.append(ByteRange(piece.start, piece.start + taken))
                    yield from _cut(sent, longest)
                    sent, length = [], 0
                yield from _cut([ByteRange(piece.start + taken, piece.stop)], copied)
                continue
        sent.append(piece)
        length += piece_length(piece)
    yield from _cut(sent, longest)


def _cut(pieces: Iterable[Piece], longest: int) -> Iterator[list[Piece]]:
    """Cut pieces into parts that are about equal, none longer than `longest` bytes."""
    left = list(joined(pieces))[::-1]
    total = sum(map(piece_length, left))
    count = -(-total // longest)
    for i in range(count):
        room = total * (i + 1) // count - total * i // count
        part: list[Piece] = []
        while room:
            piece = left.pop()
            first, rest = _split(piece, room)
            part.append(first)
            room -= piece_length(first)
            if rest is not None:
                left.append(rest)
        yield part


def _split(piece: Piece, length: int) -> tuple[Piece, Piece | None]:
    """Return the first bytes of a piece, and the rest if there is any."""
    if piece_length(piece) <= length:
        return piece, None
    if isinstance(piece, ByteRange):
        middle = piece.start + length
        return ByteRange(piece.start, middle), ByteRange(middle, piece.stop)
    view = memoryview(piece).cast("B")
    return view[:length], view[length:]
