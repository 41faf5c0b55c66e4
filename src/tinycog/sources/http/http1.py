"""HTTP/1.1 as it is written: the head of a request made, that of an answer read. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import yarl
from multidict import CIMultiDict

SPECIAL = frozenset(
    ("connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding")
)
"""Headers that say how to speak, not what is asked: a request with them is left to aiohttp."""

FIELD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*"

REQUEST = re.compile(rf"GET /[\x21-\x7e]* HTTP/1\.1\r\n(?:{FIELD}\r\n)+\r\n")

STATUS_AND_HEADERS = re.compile(
    rf"HTTP/1\.([01]) ([2-5][0-9]{{2}})(?: ([^\r\n]*))?((?:\r\n{FIELD})*)"
)

PARTIAL_CONTENT = 206

LENGTH = re.compile(r"[0-9]{1,18}")


class ResponseHead(NamedTuple):
    """Head of an answer.

    Attributes:
        length: bytes of its body, if that is told and all that is to be known of its end.
        keeps: whether the connection is kept for another request.
    """

    status: int
    reason: str
    headers: CIMultiDict[str]
    length: int | None
    keeps: bool

    @property
    def is_plain_part(self) -> bool:
        """Whether a part of known length follows."""
        return self.status == PARTIAL_CONTENT and self.length is not None


def request_head(url: yarl.URL, headers: Mapping[str, str]) -> bytes | None:
    """A GET without a body; None if it is not as plain as that."""
    host = url.raw_host or ""
    told = f"[{host}]" if ":" in host else host
    told = told if url.is_default_port() else f"{told}:{url.port}"
    lines = [f"GET {url.raw_path_qs} HTTP/1.1", f"Host: {told}"]
    for name, value in headers.items():
        if name.lower() in SPECIAL:
            return None
        lines.append(f"{name}: {value}")
    text = "\r\n".join([*lines, "", ""])
    # no value may bring a line of its own
    is_plain = text.count("\n") == len(lines) + 1 and REQUEST.fullmatch(text) is not None
    return text.encode() if is_plain else None


def parse_head(data: bytes) -> ResponseHead | None:
    """Read a head, without its last empty line; None if it is not plain HTTP/1."""
    found = STATUS_AND_HEADERS.fullmatch(data.decode("utf-8", "surrogateescape"))  # as aiohttp does
    if found is None:
        return None
    version, status, reason, lines = found.groups()
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        headers.add(name, value.strip(" \t"))
    keeps = version == "1" and "close" not in headers.get("Connection", "").lower()
    return ResponseHead(int(status), reason or "", headers, _length(headers), keeps)


def _length(headers: CIMultiDict[str]) -> int | None:
    told = headers.getall("Content-Length", ())
    if len(told) != 1 or "Transfer-Encoding" in headers or LENGTH.fullmatch(told[0]) is None:
        return None
    return int(told[0])
