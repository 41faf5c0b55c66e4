"""Where a file is changed: what stands there is read, and replaced as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from tinycog.errors import UnsupportedError, UsageError
from tinycog.sources.factory import path_of, text_of
from tinycog.sources.redact import shown_url
from tinycog.sources.urls import check_text, links_of, scheme_of
from tinycog.targets.numbered import rules_of
from tinycog.targets.pieces import Piece
from tinycog.targets.uploads import S3_SCHEMES


class Sent(NamedTuple):
    """What replacing a file took.

    Attributes:
        sent: bytes that were sent, or written.
        copied: bytes that the store, or the system, copied by itself.
    """

    sent: int
    copied: int


class UpdateTarget(Protocol):
    """A file that is changed: `open`, `read` as often as needed, `publish`, and `close` in the end.

    Attributes:
        name: for messages; no secret in it.
    """

    name: str

    async def open(self) -> int:
        """Find the file, and return its length in bytes. All that follows is of this generation.

        Raises:
            SourceError: it is not there, or may not be read or written.
        """
        ...

    async def read(self, start: int, stop: int) -> bytes:
        """Return bytes of it.

        Raises:
            SourceChangedError: it was replaced or edited meanwhile.
            SourceError: they cannot be read.
        """
        ...

    async def publish(self, pieces: Sequence[Piece]) -> Sent:
        """Replace it by the file that pieces of it and new bytes make, at once.

        Raises:
            SourceChangedError: it was replaced or edited meanwhile; it stays so.
            SourceError, LimitError: it cannot be written; the file stays as it was.
        """
        ...

    async def close(self) -> None:
        """Leave nothing open, and nothing half done. Repeated calls do nothing."""
        ...


def make_update_target(
    where: object, *, storage_options: Mapping[str, object] | None = None
) -> UpdateTarget:
    """Return the target for a path, or for a url of S3 or of a store like it, without any I/O.

    Raises:
        UsageError: it is neither text nor a path, or an argument has no use for it.
        UnsupportedError: what it names copies no parts of an object into another.
    """
    storage_options = storage_options or getattr(where, "storage_options", None)  # of a UPath
    text = text_of(where)
    if text is None:
        kind = where.__name__ if isinstance(where, type) else type(where).__name__
        message = f"cannot update a {kind}: expected a path, or a url of S3 or a store like it"
        raise UsageError(message)
    text = check_text(text)
    scheme = scheme_of(links_of(text)[-1])
    if len(links_of(text)) == 1 and scheme in ("", "file"):
        from tinycog.targets.update_file import UpdateFile  # noqa: PLC0415 - the one that is used

        if storage_options:
            message = "storage_options= has no use with a path: it is for urls of stores"
            raise UsageError(message)
        return UpdateFile(os.fspath(path_of(text) if scheme else text))
    rules = rules_of(storage_options or {})
    if len(links_of(text)) > 1 or scheme not in S3_SCHEMES or rules.are_equal:
        what = rules.name if scheme in S3_SCHEMES else f"{scheme}://"
        message = (
            f"an object of {what} cannot be updated: paths can, and objects of S3 and of stores"
            f" like it, which copy parts; write the file anew: {shown_url(text)}"
        )
        raise UnsupportedError(message, feature="update", value=scheme)
    from tinycog.targets.s3 import S3Upload  # noqa: PLC0415 - the same
    from tinycog.targets.update_object import UpdateObject  # noqa: PLC0415 - the same

    bucket, _, key = text.partition("://")[2].partition("/")
    if not bucket or not key or key.endswith("/"):
        message = f"the url names no object: expected {scheme}://bucket/key: {shown_url(text)}"
        raise UsageError(message)
    return UpdateObject(S3Upload(bucket, key, storage_options or {}, overwrite=True), rules)
