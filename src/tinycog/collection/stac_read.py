"""STAC items to assets: from documents, files, urls, objects of pystac."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from tinycog.collection.asset import Asset
from tinycog.collection.open_options import OpenOptions
from tinycog.collection.read_headers import FailedAsset
from tinycog.collection.stac_assets import Document, asset_of, chosen_keys
from tinycog.documents import read_document
from tinycog.errors import UsageError
from tinycog.sources.listing import absolute_path


class SupportsToDict(Protocol):
    """An object of pystac: an item, or an item collection."""

    def to_dict(self) -> dict[str, object]:
        """Return it as a JSON document."""
        ...


StacLike = (
    str
    | os.PathLike[str]
    | Mapping[str, object]
    | SupportsToDict
    | Iterable[Mapping[str, object] | SupportsToDict]
)
"""STAC items: a document or an object of pystac, several of them, or the path or url of one."""


async def read_stac(
    given: StacLike, assets: str | Iterable[str] | None, *, keep: bool, options: OpenOptions
) -> tuple[list[Asset], list[FailedAsset]]:
    """Return the assets of items, and the items that have none of those that are meant.

    Raises:
        UsageError: they are no items, or one has none and is not to be kept.
        SourceError: the url cannot be read.
    """
    base = None
    if isinstance(given, str | os.PathLike):
        where = os.fspath(given)
        text = await _text(where, options)
        base = absolute_path(where)
        try:
            given = cast("StacLike", json.loads(text))
        except ValueError as exc:
            message = f"{where} is no JSON, which STAC items are: {exc}"
            raise UsageError(message) from exc
    return assets_of_items(items_of(given), assets, keep=keep, base=base)


async def _text(where: str, options: OpenOptions) -> bytes:
    """Return the bytes of a file or of a url."""
    if "://" not in where:
        return Path(where).read_bytes()  # noqa: ASYNC240 - as short as a document is
    return await read_document(where, options)


def items_of(given: Any) -> list[Document]:  # noqa: ANN401 - as a caller gives it
    """Return the items of a document, of an object of pystac, or of several.

    Raises:
        UsageError: there are none, or more pages of them elsewhere.
    """
    if not isinstance(given, Mapping) and hasattr(given, "to_dict"):
        given = given.to_dict()
    if not isinstance(given, Mapping):
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            message = f"expected STAC items, not {given!r}"
            raise UsageError(message)
        return [item for one in cast("Iterable[Any]", given) for item in items_of(one)]
    document = cast("Document", given)
    kind = document.get("type")
    if kind == "Feature" and isinstance(document.get("assets"), Mapping):
        return [document]
    if kind == "FeatureCollection":
        links: list[Document] = document.get("links") or []
        if any(link.get("rel") == "next" for link in links):
            message = (
                "the response is one page of several, it links to a next one: give the items of"
                ' all pages, or document["features"] if that one is meant'
            )
            raise UsageError(message)
        return items_of(document.get("features") or [])
    message = f"expected a STAC item or an item collection, not a document of type {kind!r}"
    raise UsageError(message)


def assets_of_items(
    items: Sequence[Document],
    assets: str | Iterable[str] | None,
    *,
    keep: bool,
    base: str | None = None,
) -> tuple[list[Asset], list[FailedAsset]]:
    """Return the assets of items, in their order, and the items that have none that is meant.

    Raises:
        UsageError: one has none and is not to be kept; or what is said of it makes no sense.
    """
    wanted = None if assets is None else [assets] if isinstance(assets, str) else list(assets)
    found: list[Asset] = []
    failed: list[FailedAsset] = []
    for item in items:
        own = base or _self_link(item)
        try:
            found += [asset_of(item, key, own) for key in chosen_keys(item, wanted)]
        except UsageError as error:
            if not keep:
                raise
            failed.append(FailedAsset(str(item.get("id")), own or "", error))
    return found, failed


def _self_link(item: Document) -> str | None:
    """Return where an item says that it lies itself."""
    links: list[Document] = item.get("links") or []
    hrefs = (str(link.get("href")) for link in links if link.get("rel") == "self")
    return next((href for href in hrefs if "://" in href or href.startswith("/")), None)
