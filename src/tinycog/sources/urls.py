"""What a string names: a path, a url, a chain of fsspec's, a path of GDAL's. No I/O."""

from __future__ import annotations

import re

from tinycog.errors import UsageError

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

WORD = r"[a-z][a-z0-9+-]*"
"""A link of a chain that is a name alone: "simplecache"."""

ONE_SLASH = re.compile(r"(https?|s3|gs|gcs|az|abfss?|memory):/(?!/)(.*)", re.IGNORECASE)
"""What `pathlib` makes of a url."""

GDAL_PATH = re.compile(r"/vsi(\w+)/(.*)", re.DOTALL)

GDAL_SCHEMES = {"curl": "", "s3": "s3://", "gs": "gs://", "az": "az://", "adls": "abfs://"}
"""How urls begin that GDAL's virtual file systems stand for; "": the rest is one itself."""


def scheme_of(where: str) -> str:
    """Return the scheme of a url in lower case, "" for a path."""
    found = SCHEME.match(where)
    return "" if found is None else found[1].lower()


def links_of(url: str) -> list[str]:
    """Return the links of a chain of fsspec's ("simplecache::s3://bucket/key"); one of a plain url.

    A link is a url, or a name before all urls. Any other "::" is a part of the path: an IPv6 host,
    `crs=EPSG::4326`, a key that has one. After http there is no further link.
    """
    parts = url.split("::") if "://" in url else [url]
    found = parts[:1]
    for part in parts[1:]:
        is_link = SCHEME.match(part) or (re.fullmatch(WORD, part) and re.fullmatch(WORD, found[-1]))
        if is_link and scheme_of(found[-1]) not in ("http", "https"):
            found.append(part)
        else:
            found[-1] += f"::{part}"
    return found


def check_text(where: str) -> str:
    """Return a string that names a path or a url; blanks around a url are none of it.

    Raises:
        UsageError: it is a path of GDAL's, or a url that lost a slash.
    """
    found = GDAL_PATH.fullmatch(where)
    if found is not None:
        start = GDAL_SCHEMES.get(found[1])
        remedy = "" if start is None else f": write {start}{found[2]}"
        message = f"/vsi{found[1]}/ is a path of GDAL, not read here{remedy}"
        raise UsageError(message)
    found = ONE_SLASH.fullmatch(where.strip())
    if found is not None:
        message = (
            f"the url lacks a slash: {found[1]}://{found[2]}"
            " (pathlib.Path drops it: pass the url as a string)"
        )
        raise UsageError(message)
    stripped = where.strip()
    return stripped if scheme_of(links_of(stripped)[-1]) else where
