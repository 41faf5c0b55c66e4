"""What a person names on the command line, and how it is opened."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import tinycog
from tinycog.checks import Pinning
from tinycog.commands.values import byte_count
from tinycog.errors import UsageError

STDIN = "-"

OF_FILES = ("head_bytes", "sidecars")
"""Options that many files share, and that `tinycog.open` takes as they are."""

OF_HTTP = ("proxy", "ca_file", "netrc")
"""Options that are fields of `tinycog.Http`."""


def add_file(parser: argparse.ArgumentParser) -> None:
    """Add the file that is read."""
    parser.add_argument("where", metavar="FILE", help="path or url of a TIFF, - for stdin")


def add_open_options(parser: argparse.ArgumentParser, *, many: bool = False) -> None:
    """Add what `tinycog.open` may be told; for many files, what is not of one of them."""
    group = parser.add_argument_group("how it is opened" if not many else "how files are opened")

    def add(name: str, text: str, **more: Any) -> None:  # noqa: ANN401 - argparse's
        group.add_argument(f"--{name}", help=text, default=argparse.SUPPRESS, **more)

    add(
        "header",
        "send this with every HTTP request; may be repeated, @PATH = lines of a file",
        action="append",
        metavar="NAME:VALUE",
    )
    if not many:
        add("pin", "read this generation only: an ETag, with its quotes", metavar="ETAG")
        add("pinning", "what must stay the same: strict (default), size or off", choices=_PINNING)
        add("page", "page to read, from 0 (the default)", type=int, metavar="N")
        add(
            "snapshot",
            "header that tinycog snapshot has kept: it is not read again",
            metavar="PATH",
        )
    add("sidecars", "read the files beside it, too (.msk, .ovr, .aux.xml)", action="store_true")
    add("limits", "a field of tinycog.Limits; may be repeated", action="append", metavar=_PAIR)
    add("head-bytes", "of the first request, such as 32KiB", type=byte_count, metavar="BYTES")
    add("cache", "folder in which bytes are kept for the next command", metavar="DIR")
    add(
        "storage-option",
        "option of the store of s3://, gs:// and other urls; may be repeated",
        action="append",
        metavar=_PAIR,
    )
    add("proxy", "HTTP proxy, instead of that of the environment", metavar="URL")
    add("ca-file", "certificates of the authorities that are trusted", metavar="PATH")
    add("netrc", "send user and password that ~/.netrc has for the host", action="store_true")


_PINNING = get_args(Pinning)
_PAIR = "NAME=VALUE"


def open_named(
    args: argparse.Namespace, where: str | None = None, *, snapshot: bytes | None = None
) -> tinycog.Cog:
    """Make a handle of the file of a command, or of another one, by its options; no I/O but stdin.

    Args:
        args: of the command.
        where: instead of the file that the command names.
        snapshot: instead of the one that it names.

    Raises:
        UsageError: an option is wrong.
    """
    where = str(args.where) if where is None else where
    if not where:
        raise UsageError("FILE is empty: name a path or a url")
    options = open_options(args)
    for name in ("pin", "pinning", "page"):
        if name in args:
            options[name] = vars(args)[name]
    if snapshot is not None:
        options["snapshot"] = snapshot
    elif "snapshot" in args:
        options["snapshot"] = _snapshot(args.snapshot)
    if where != STDIN:
        return tinycog.open(where, **options)
    stdin = sys.stdin.buffer
    return tinycog.open(stdin if stdin.seekable() else stdin.read(), **options)


def check_stdin(args: argparse.Namespace, other: str, what: str) -> None:
    """Refuse to read two things from stdin.

    Raises:
        UsageError: the file is read from there, and so is `other`, which is `what`.
    """
    if args.where == STDIN == other:
        message = f"FILE and {what} cannot both come from stdin: name one of them"
        raise UsageError(message)


def open_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return what was given of the options that many files share, as `tinycog.open` takes them.

    Raises:
        UsageError: one is wrong.
    """
    given = vars(args)
    found = {name: given[name] for name in OF_FILES if name in given}
    if "header" in given:
        found["headers"] = _headers(given["header"])
    if "limits" in given:
        found["limits"] = limits_of(given["limits"])
    if "storage_option" in given:
        found["storage_options"] = dict(
            _pair(text, "--storage-option") for text in given["storage_option"]
        )
    if "cache" in given:
        found["cache"] = tinycog.DiskCache(given["cache"])
    http = {name: given[name] for name in OF_HTTP if name in given}
    if http:
        found["http"] = tinycog.Http(**http)
    return found


def _snapshot(path: str) -> Any:  # noqa: ANN401 - bytes, or a document
    data = _bytes_of(path)
    try:
        return json.loads(data)
    except ValueError:
        return data


def limits_of(texts: Sequence[str]) -> tinycog.Limits:
    """Return limits of "NAME=VALUE"; names of `Retries` are those of its fields.

    Raises:
        UsageError: there is no limit of that name, or it is no such number.
    """
    values: dict[type, dict[str, object]] = {tinycog.Limits: {}, tinycog.Retries: {}}
    kinds = {
        field.name: (cls, str(field.type))
        for cls in values
        for field in fields(cls)
        if field.name != "retries"
    }
    for text in texts:
        name, value = _pair(text, "--limits")
        if name not in kinds:
            message = f"--limits: there is no limit {name!r}; there are {', '.join(kinds)}"
            raise UsageError(message)
        cls, kind = kinds[name]
        try:
            values[cls][name] = _KINDS[kind](value)
        except (ValueError, KeyError, argparse.ArgumentTypeError):
            message = f"--limits {name}: expected {_EXPECTED[kind]}, not {value!r}"
            raise UsageError(message) from None
    retries = tinycog.Retries(**values[tinycog.Retries])  # pyright: ignore[reportArgumentType] - by name
    return tinycog.Limits(**values[tinycog.Limits], retries=retries)  # pyright: ignore[reportArgumentType] - by name


_KINDS: dict[str, Callable[[str], object]] = {
    "int": byte_count,
    "float": float,
    "bool": {"true": True, "false": False, "1": True, "0": False}.__getitem__,
}

_EXPECTED = {"int": "a number, such as 64 or 256MiB", "float": "seconds", "bool": "true or false"}


def _headers(texts: Sequence[str]) -> dict[str, str]:
    """Return headers of "NAME:VALUE"."""
    lines: list[str] = []
    for text in texts:
        if text.startswith("@"):
            lines += [line for line in _bytes_of(text[1:]).decode().splitlines() if line.strip()]
        else:
            lines.append(text)
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():  # the text may be a secret: it is not shown
            message = "--header is NAME:VALUE, or @PATH of a file with such lines"
            raise UsageError(message)
        found[name.strip()] = value.strip()
    return found


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        message = f"{option} is NAME=VALUE, not {text!r}"
        raise UsageError(message)
    return name, value


def _bytes_of(path: str) -> bytes:
    return sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
