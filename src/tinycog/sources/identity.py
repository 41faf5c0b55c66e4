"""What names an object and whoever reads it, so that cached bytes are nobody else's. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from tinycog.records import NamedTuple


class Identity(NamedTuple):
    """What is read, and by whom (cache.identity).

    Attributes:
        name: all that is known of both, secrets included: it is hashed, and never shown or kept.
        is_whole: whether that is all that a server decides by. Where it is not, as with credentials
            that a function makes, cached bytes are read only after the server has answered.
    """

    name: str
    is_whole: bool


@runtime_checkable
class IdentifiedSource(Protocol):
    """A source whose bytes may be cached."""

    @property
    def identity(self) -> Identity | None:
        """What names the object, and whoever reads it; None if that cannot be told."""
        ...


def identity_of(source: object) -> Identity | None:
    """Return what names what a source reads; None where nothing of it is cached."""
    return source.identity if isinstance(source, IdentifiedSource) else None


PLAIN = (str, int, float, bytes, bool, type(None))


def plain(value: Any) -> str | None:  # noqa: ANN401 - options of any file system
    """Return options as a text that is the same in each process; None if they cannot be told so."""
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, list | tuple):
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        texts = [plain(item) for item in items]
        known = [text for text in texts if text is not None]
        return f"[{', '.join(known)}]" if len(known) == len(texts) else None
    if isinstance(value, Mapping):
        pairs: list[Any] = sorted(value.items(), key=repr)  # pyright: ignore[reportUnknownArgumentType]
        return plain(pairs)
    return None
