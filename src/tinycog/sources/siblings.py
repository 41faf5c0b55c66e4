"""Names of files that lie beside another: of a path or url, without its query."""

from __future__ import annotations

from tinycog.argument_types import Where
from tinycog.errors import UsageError
from tinycog.sources.factory import text_of
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.sources.urls import links_of, scheme_of

APPENDED = (".aux.xml", ".ovr", ".msk", ".msk.ovr")
"""What GDAL appends to the whole name."""


def sibling_names(where: Where | SignedUrl | Source) -> dict[str, str]:
    """Return the names of the files beside a TIFF that GDAL may read, by their endings.

    Those with its whole name and more; and world files, whose ending is in its place: its first and
    last letter and a w, all of it and a w, or wld; in upper case if its own is.

    Raises:
        UsageError: it has no name.
    """
    text = text_of(where)
    if text is None:
        message = (
            "sidecars=True needs a url or a path: what lies beside"
            f" {type(where).__name__} has no name"
        )
        raise UsageError(message)
    head, path, tail = _split(text)
    names = {ending: head + path + ending + tail for ending in APPENDED}
    folder, base = path[: path.rfind("/") + 1], path[path.rfind("/") + 1 :]
    stem, dot, ending = base.rpartition(".")
    if not dot or len(ending) < 2:  # noqa: PLR2004 - it has no first and last letter
        return names
    w, wld = ("W", "WLD") if ending.isupper() else ("w", "wld")
    for world in dict.fromkeys((ending[0] + ending[-1] + w, ending + w, wld)):
        names["." + world] = f"{head}{folder}{stem}.{world}{tail}"
    return names


def _split(where: str) -> tuple[str, str, str]:
    """Split a name into what stands before a path, the path, and what stands behind it.

    Of a chain of fsspec's urls, that is the path of the first that has one.
    """
    links = links_of(where)
    at = next((i for i, link in enumerate(links) if scheme_of(link)), 0)
    scheme, separator, path = "", "", links[at]
    if scheme_of(path):
        scheme, separator, path = path.partition("://")
    query = ""
    if scheme.lower() in ("http", "https"):
        stop = min((i for sign in "?#" if (i := path.find(sign)) >= 0), default=len(path))
        path, query = path[:stop], path[stop:]
    head = "".join(f"{link}::" for link in links[:at]) + scheme + separator
    return head, path, query + "".join(f"::{link}" for link in links[at + 1 :])
