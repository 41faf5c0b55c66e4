"""What commands print: requests, counts with their nouns, text that any terminal takes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from tinycog import Request


def say(text: str, file: TextIO | None = None) -> None:
    """Print a text, to stdout if nothing else is said; what its encoding lacks is escaped."""
    stream: TextIO = file or sys.stdout
    encoding = stream.encoding or "ascii"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def is_ascii() -> bool:
    """Return whether stdout takes nothing but ASCII."""
    try:
        "█▄▀".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return True
    return False


def counted(count: int, noun: str) -> str:
    """Return "1 request" or "2 requests"."""
    return f"{count:,} {noun}{'s'[: count != 1]}"


def cost(requests: Sequence[Request]) -> str:
    """Return how many requests there were, and how many bytes came."""
    received = sum(request.received for request in requests)
    return f"{counted(len(requests), 'request')}, {counted(received, 'byte')}"


def each_request(requests: Sequence[Request]) -> str:
    """Return a line for each request, and one of all."""
    lines = [
        f"  request {i}: bytes {request.start:,} to {request.stop:,}"
        f" ({request.received:,} came) in {1000 * request.seconds:.1f} ms"
        for i, request in enumerate(requests, 1)
    ]
    return "\n".join([*lines, f"  {cost(requests)}"])
