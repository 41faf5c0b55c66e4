"""What of the facts that a file system tells names a generation (store.generation). No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from tinycog.sources.protocol import ETAG, WEAK_ETAG

NUMBERS = ("generation", "versionid", "rev", "revision")

SUMS = (
    *("md5hash", "md5", "contentmd5", "md5checksum", "contenthash", "crc32c", "crc", "checksum"),
    *("sha", "sha1", "sha256", "hex", "blobid", "oid", "digest"),
)

TIMES = (
    *("mtime", "modified", "modifiedtime", "lastmodified", "modificationtime", "updated"),
    *("servermodified", "lastwritetime", "modify", "datetime", "created", "ctime", "ino"),
)
"""Together they are one name: each alone may stay while bytes change."""


def names_of(info: Mapping[str, object]) -> dict[str, str]:
    """Return the names of a generation in what `info` returns, by kind, the best first.

    A strong ETag; a number or version; a checksum; else all times, with a weak ETag. Other facts
    are left out: the time of the last access changes while bytes do not.
    """
    facts = {_plain(key): str(value) for key, value in info.items() if _is_told(value)}
    etag = facts.get("etag", "")
    weak = [etag] if etag.startswith("W/") else []
    names = {} if not etag or etag.startswith("W/") else {ETAG: etag}
    names |= {key: facts[key] for key in NUMBERS if key in facts}
    names |= {key: f"{key} {facts[key]}" for key in SUMS if key in facts}
    times = [key for key in TIMES if key in facts]
    if times or weak:  # compared only with the same ones
        together = [f"{key} {facts[key]}" for key in times] + weak
        names[" ".join([*times, WEAK_ETAG] if weak else times)] = ", ".join(together)
    return names


def best_of(names: Mapping[str, str]) -> str | None:
    """Return the best of names, None if there is none."""
    return next(iter(names.values()), None)


def size_of(info: Mapping[str, object]) -> int | None:
    """Return the length in bytes in what `info` returns, None if it tells none."""
    size = info.get("size")
    return size if isinstance(size, int) and size >= 0 else None


def _plain(key: str) -> str:
    """Return a key without case, hyphens and underscores: ETag, Last-Modified, version_id."""
    return str(key).lower().replace("-", "").replace("_", "")


def _is_told(value: object) -> bool:
    return value is not None and str(value) not in ("", "null", "None")
