"""Files in Cloud Storage: their URIs, generations, and what Earth Engine says of those it lacks."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import tinycog
from tinycog.errors import AccessDeniedError, NotFoundError, SourceChangedError, UsageError

URI = re.compile(r"gs://([^/#]+)/([^#]+?)(?:#(\d+))?")


@dataclass(frozen=True, slots=True)
class CloudFile:
    """A file in Cloud Storage, and where to look at its bytes, if not there.

    Attributes:
        uri: "gs://bucket/object", or "gs://bucket/object#123" with its generation.
        where: what `tinycog.open` takes, or a handle, in place of the URI: a copy on a disk, for
            one. Whether both are the same is not looked at.

    Raises:
        UsageError: the URI is none of these.
    """

    uri: str
    where: tinycog.Where | tinycog.SignedUrl | tinycog.Source | tinycog.Cog | None = None

    def __post_init__(self) -> None:
        """Check the URI."""
        parse_uri(self.uri)

    @property
    def generation(self) -> str | None:
        """The generation that the URI names."""
        return parse_uri(self.uri)[1]


def parse_uri(uri: str) -> tuple[str, str | None]:
    """Return a URI without its generation, and that.

    Raises:
        UsageError: it is not a URI of Cloud Storage.
    """
    found = URI.fullmatch(uri)
    if found is None:
        message = f"expected gs://bucket/object or gs://bucket/object#generation, not {uri!r}"
        raise UsageError(message)
    return f"gs://{found[1]}/{found[2]}", found[3]


def load_failure(uri: str) -> str:
    """Return what Earth Engine says if it cannot load an object of Cloud Storage.

    It says so if the object is not visible to who asks, and if the generation that the asset was
    made with is no more.

    Args:
        uri: "gs://bucket/object#123".

    Raises:
        UsageError: it is no such URI.
    """
    parse_uri(uri)
    return f"Failed to load the GeoTIFF at {uri}"


def as_cloud_file(given: str | CloudFile | tinycog.Cog) -> CloudFile:
    """Return what was given as a file of Cloud Storage.

    Raises:
        UsageError: it is none.
    """
    if isinstance(given, CloudFile):
        return given
    if isinstance(given, str):
        return CloudFile(given)
    url = given.url or given.name
    if not url.startswith("gs://"):
        message = f"{given.name} is not in Cloud Storage: give CloudFile('gs://...', where=handle)"
        raise UsageError(message)
    return CloudFile(url, given)


@asynccontextmanager
async def opened(file: CloudFile) -> AsyncGenerator[tinycog.Cog]:
    """Give a handle of a file, which has not been read; one of the caller's stays open.

    Raises:
        NotFoundError, AccessDeniedError: with Earth Engine's words, if it is looked at where it is.
        TinycogError: whatever reading it raises.
    """
    where = file.uri if file.where is None else file.where
    if isinstance(where, tinycog.Cog):
        yield where
        return
    cog = tinycog.open(where)
    try:
        yield cog
    except (NotFoundError, AccessDeniedError) as error:
        text, words = str(error), load_failure(file.uri)
        if file.where is not None or words in text:
            raise
        message = f"{words}: {text}"
        raise type(error)(message) from error
    finally:
        await cog.aclose()


def pinned_uri(file: CloudFile, cog: tinycog.Cog) -> str:
    """Return the URI with the generation that was looked at, if that is known.

    Raises:
        SourceChangedError: the URI names another one.
    """
    wanted, found = file.generation, cog.pin or ""
    if not _is_there(file, cog) or not found.isdecimal():
        return file.uri
    if wanted not in (None, found):
        message = f"{load_failure(file.uri)}: found generation {found} instead"
        error = SourceChangedError(message)
        error.expected, error.found = wanted, found
        raise error
    return f"{parse_uri(file.uri)[0]}#{found}"


def _is_there(file: CloudFile, cog: tinycog.Cog) -> bool:
    """Return whether a handle is of the object itself."""
    found = URI.fullmatch(cog.url or cog.name)
    return found is not None and f"gs://{found[1]}/{found[2]}" == parse_uri(file.uri)[0]
