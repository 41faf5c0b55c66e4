"""What several test modules need: fixtures by name, and a way to run parsers over bytes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.page_view import PagePath
from tinycog.tiff.parse import Ifd, Tiff, parse_tiff
from tinycog.tiff.pyramid import parse_pyramid
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.roles import Pyramid
from tinycog.tiff.steps import Steps

T = TypeVar("T")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)

FILES = Path(__file__).parent.parent / "fixtures" / "files"
LIMITS = Limits()

QUICK = {
    "test_buffer",
    "test_ci",
    "test_cli",
    "test_cog",
    "test_connections",
    "test_dataset",
    "test_decode",
    "test_docs",
    "test_errors",
    "test_fast_path",
    "test_fetch",
    "test_geo_keys",
    "test_http1",
    "test_image",
    "test_keep_alive",
    "test_oracle",
    "test_parse",
    "test_png",
    "test_recipes",
    "test_redirects",
    "test_snapshot",
    "test_sources",
    "test_spec",
    "test_tile_matrix",
    "test_tile_reader",
    "test_warp",
}
"""Modules that `-m quick` runs: every package is touched, in less than a minute."""

STORES = {"test_nginx", "test_object_stores", "test_obspec_stores", "test_upload_stores"}
"""Modules that `-m stores` runs: they start real servers, of object stores and nginx."""

PROCESSES = "test_nothing_is_warned_of"
"""Tests that start an interpreter each, left out of it."""

HTTP_VARIABLES = {
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "netrc",
    "ssl_cert_file",
    "ssl_cert_dir",
    "curl_ca_bundle",
    "requests_ca_bundle",
}

settings.register_profile("tinycog", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("search", deadline=None, max_examples=5000)


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """The same examples in every run; `pytest --hypothesis-profile=search` looks for new ones.

    And no proxy, certificates or passwords of whoever runs them, in child processes neither.
    """
    settings.load_profile("tinycog")
    for name in [name for name in os.environ if name.lower() in HTTP_VARIABLES]:
        del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the quick modules."""
    for item in items:
        if item.path.stem in QUICK and not item.name.startswith(PROCESSES):
            item.add_marker("quick")
        if item.path.stem in STORES:
            item.add_marker("stores")


def fixture_path(name: str) -> Path:
    """The file of that name, without its suffix, in `fixtures/files`."""
    return FILES / f"{name}.tif"


class Feed:
    """Runs parsers over a file; the buffer gets only the bytes that they ask for.

    `asked` holds what they asked, one list of ranges for each step. As over a wire, the size of the
    file is known once the first bytes have come.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.buffer = SparseBuffer()
        self.asked: list[list[ByteRange]] = []

    def run(self, parser: Steps[T]) -> T:
        while True:
            try:
                ranges = list(next(parser))
            except StopIteration as done:
                return done.value
            self.asked.append(ranges)
            self.answer(ranges)

    def answer(self, ranges: list[ByteRange]) -> None:
        for part in ranges:
            self.deliver(part)

    def deliver(self, part: ByteRange) -> None:
        self.buffer.size = len(self.data)
        self.put(part)

    def put(self, part: ByteRange) -> None:
        data = self.data[part.start : part.stop]
        if data:
            self.buffer.put(part.start, data)


def run(parse: Callable[[SparseBuffer], Steps[T]], data: bytes) -> T:
    """What a parser gives for a file."""
    feed = Feed(data)
    return feed.run(parse(feed.buffer))


def read_tiff(data: bytes, limits: Limits = LIMITS) -> Tiff:
    """The whole IFD chain of a file."""
    return run(lambda buffer: parse_tiff(buffer, limits), data)


def read_ifd(data: bytes, limits: Limits = LIMITS) -> Ifd:
    """The first IFD of a file."""
    return run(lambda buffer: parse_tiff(buffer, limits, ifds=1), data).ifds[0]


def read_pyramid(data: bytes, limits: Limits = LIMITS, page: PagePath = (0,)) -> Pyramid:
    """The images of a file in their roles, as a page of it has them."""
    feed = Feed(data)
    tiff = feed.run(parse_tiff(feed.buffer, limits))
    return feed.run(parse_pyramid(feed.buffer, tiff, limits, path=page))


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, which the test's own timeout bounds."""
    while not condition():  # noqa: ASYNC110 - conditions of another side have no event
        await asyncio.sleep(0.001)
