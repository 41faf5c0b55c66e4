"""Documents by url, by the sources that files are read by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinycog.entry import open as open_file
from tinycog.reader.whole_file import parse_whole


async def read_document(where: str, options: Mapping[str, Any]) -> bytes:
    """Return all bytes of an object, with options of `open`.

    Raises:
        SourceError: it cannot be read.
        LimitError: it is longer than `Limits.value_bytes`.
    """
    cog = open_file(where, **options)
    try:
        return await cog._file.parse(parse_whole)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - bytes, no image
    finally:
        await cog.aclose()
