"""Arguments of `tinycog.open` that the assets of a collection are opened with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypedDict

from tinycog.argument_types import AllowHost, FileSystem, Headers, ObjectStore

if TYPE_CHECKING:
    from tinycog.cache.protocol import Cache
    from tinycog.limits import Limits
    from tinycog.sources.http.options import Http


class OpenOptions(TypedDict, total=False):
    """Options by which assets are opened; see `tinycog.open` for what each means."""

    fs: FileSystem | None
    store: ObjectStore | None
    headers: Headers | None
    auth: Headers | None
    http: Http | None
    allow_host: AllowHost | None
    storage_options: Mapping[str, object] | None
    limits: Limits | None
    head_bytes: int
    sidecars: bool
    cache: Cache | Literal[False] | None


def check_names(options: OpenOptions, function: str) -> None:
    """Check that options are such, where no file is opened with them.

    Raises:
        TypeError: one is not, as Python says it of any argument.
    """
    wrong = next((name for name in options if name not in OpenOptions.__annotations__), None)
    if wrong is not None:
        message = f"{function}() got an unexpected keyword argument {wrong!r}"
        raise TypeError(message)
