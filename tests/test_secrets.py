"""No shape of a credential is shown by any error, warning, log or `repr` (http.secrets).

Some 600 shapes of urls, headers and options, each through several ways to fail. Servers and file
systems repeat in their answers whatever they were told.
"""

import asyncio
import itertools
import logging
import pickle
import traceback
import warnings
from urllib.parse import quote, unquote, unquote_plus, urlsplit
from xml.sax.saxutils import escape

import fsspec
import numpy as np
import pytest

import tinycog
from tinycog.errors import TinycogError, show_tracebacks, show_urls, shows_tracebacks
from tinycog.sources.http.source import HttpSource
from tinycog.testing import Fault, RangeServer, make_image, make_tiff

MARK = "Zq7x"
"""Begins every part of every secret here: none of it may be seen."""

IMAGE = make_tiff([make_image(np.ones((1, 40, 40), np.uint8), tile=(16, 16))])

PASSWORDS = [
    f"{MARK}plain",
    *(f"{MARK}a{sign}{MARK}b" for sign in "/?#@:;&=%+,|\\'\"~*()[]{}<>^`$!"),
    f"{MARK}a/{MARK}b?{MARK}c#{MARK}d@{MARK}e",
    f"{MARK}://{MARK}",
    f"{MARK}a::{MARK}b",
    f"{MARK}%2F{MARK}%40",
    f"{MARK}ü{MARK}",
    f"{MARK}  {MARK}",
]
NAMES = [
    *("sig", "Signature", "X-Amz-Signature", "X-Amz-Security-Token", "X-Goog-Signature", "token"),
    *("access_token", "key", "apikey", "api_key", "pw", "pass", "password", "AWSAccessKeyId", "se"),
    *("jwt", "t", "code", "hmac", "policy", "Key-Pair-Id", "credential", "whatever", "q", "ticket"),
]
VALUES = [f"{MARK}1", f"{MARK}%2B{MARK}%3D", f"{MARK}/{MARK}", f"{MARK};{MARK}", f"{MARK} {MARK}"]


def tails():
    """Yield what may stand behind a path."""
    for name, value in itertools.product(NAMES, VALUES):
        yield f"?{name}={value}"
    for value in VALUES:
        yield f"?{value}"
        yield f"#{value}"
        yield f"#access_token={value}&b=c"
        yield f"?a=b&url=https%3A%2F%2Fu%3A{quote(value, safe='')}%40h%2Fx"
        yield f"?a=b&url=https://u:{value}@h/x"
        yield f"?{MARK}=1#{value}"


def users():
    """Yield what may stand before a host."""
    for password in PASSWORDS:
        yield f"user:{password}@"
        yield f"{MARK}user:{password}@"
        yield f"user:{quote(password, safe='')}@"
        yield f"{quote(password, safe='')}@"
        yield f":{quote(password, safe='')}@"


def urls(host):
    """Yield urls with secrets; `host` is that of a server, with its port."""
    for user in users():
        yield f"http://{user}{host}/a.tif"
    for tail in tails():
        yield f"http://{host}/a.tif{tail}"


def object_urls():
    """Yield urls of other schemes."""
    for user in users():
        yield f"s3://{user}bucket/a.tif"
        yield f"nowhere://{user}host/a.tif"
    for tail in itertools.islice(tails(), 0, None, 4):
        yield f"memory://a.tif{tail}"
        yield f"nowhere://host/a.tif{tail}"
        yield f"simplecache::http://127.0.0.1:9/a.tif{tail}"
        yield f"zip://a.tif::http://127.0.0.1:9/a.zip{tail}"


@pytest.fixture(autouse=True)
def turns():
    """Have every second failure show whole tracebacks, for both kinds meet every shape.

    Whole, an error shows all that it was made of; short, the log does at level DEBUG.
    """
    before = shows_tracebacks()
    yield itertools.cycle([False, True, True, False])  # the one of a pair, and of a triple, is each
    show_tracebacks(whole=before)


class Log(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


def shown(error: BaseException):
    """Return all that an error shows, with its causes and contexts."""
    yield "".join(traceback.format_exception(error))
    seen: list[BaseException] = []
    queue: list[BaseException | None] = [error]
    while queue:
        one = queue.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        queue += [one.__cause__, None if one.__suppress_context__ else one.__context__]
        yield repr(one)
        yield str(one)
        yield repr(one.args)
        yield repr({name: value for name, value in vars(one).items() if name != "__notes__"})


def check(where, texts):
    for text in texts:
        assert MARK not in text, (where, text)


def echo(code, url):
    """Answer with a page that repeats the url and the headers of the request."""

    def alter(exchange):
        told = [f"{name}: {value}" for name, value in exchange.request.headers.items()]
        told += [f"cannot {url} or {unquote(url)}", f"no access to {urlsplit(url).query or url}"]
        body = "\n".join(told).encode(errors="replace")
        return Fault.status(code, body=body).alter(exchange)

    return Fault(kind=f"echo {code}", alter=alter, times=None)


def refusal(code, url):
    """Refuse as a store does, in words that repeat the url and the headers."""

    def alter(exchange):
        told = " ".join(exchange.request.headers.values())
        message = escape(f"The signature of {url} does not match: {told}; {unquote_plus(url)}")
        text = f"<Error><Code>Signature</Code><Message>{message}</Message></Error>"
        headers = {"Content-Type": "application/xml"}
        return Fault.status(code, headers=headers, body=text.encode("latin-1", "replace")).alter(
            exchange
        )

    return Fault(kind=f"refusal {code}", alter=alter, times=None)


def outcomes(host, url):
    """Return ways to fail, as faults of a server that repeats what it was told."""
    signed = f"http://u:{MARK}@{host}/b.tif?sig={MARK}"
    return [
        *(echo(code, url) for code in (400, 401, 403, 404, 416, 500)),
        *(refusal(code, url) for code in (400, 403)),
        Fault.redirect(signed, times=None),
        Fault.redirect(f"ftp://u:{MARK}@{host}/b.tif?sig={MARK}", times=None),
        Fault.redirect(f"http://u:{MARK}@[{host}/b.tif?sig={MARK}", times=None),
        Fault.change(b"<html>login</html>", times=None),
        Fault.change(IMAGE[:300], times=None),
        Fault.reset(times=None),
        Fault.gzip(times=None),
        Fault.bad_content_range(times=None),
        Fault.change(IMAGE[::-1], after=1, times=None),
        None,
    ]


async def fail(where, texts, turns, **options):
    """Open and read; collect all that is shown."""
    show_tracebacks(whole=next(turns))
    limits = tinycog.Limits(retries=tinycog.Retries(tries=1))
    try:
        cog = tinycog.open(where, limits=limits, **options)
    except TinycogError as exc:
        texts += shown(exc)
        return
    texts.append(repr(cog))
    try:
        await cog.read_tile(0, 0, 0)
        await cog
        texts += [repr(cog), repr(cog.findings), repr(await cog.plan()), str(cog.name)]
        texts += [repr(cog.snapshot())]
        await cog.read_tile(9, 0, 0)
    except TinycogError as exc:
        texts += shown(exc)
    texts += [repr(cog), repr(cog.requests), str(cog.pin)]
    await cog.aclose()


@pytest.fixture
def log():
    handler = Log()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.filterwarnings("default")
async def test_urls_show_no_secret(log, turns):
    with warnings.catch_warnings(record=True) as warned:
        async with RangeServer({"a.tif": IMAGE, "b.tif": IMAGE}) as server:
            host = f"127.0.0.1:{server.port}"
            count = 0
            for i, url in enumerate(urls(host)):
                ways = outcomes(host, url)
                for way in ways[i % 3 :: 3]:
                    server.script(*([way] if way else []))
                    texts: list[str] = []
                    await fail(url, texts, turns)
                    check((url, way), texts)
                    count += bool(texts)
            assert count > 500
    check("log", log.lines)
    check("warnings", [str(line.message) for line in warned])


@pytest.mark.filterwarnings("default")
async def test_headers_show_no_secret(log, turns):
    headers = [
        *({"Authorization": f"{kind} {MARK}x"} for kind in ("Bearer", "Basic", "Digest", "")),
        *({name: f"{MARK}y"} for name in ("Cookie", "X-Api-Key", "x-whatever", "Proxy-Auth")),
        *({"X-Key": f"{MARK}{sign}{MARK}"} for sign in " \t/?=&;ü\"'"),
        {"X-Key": f"{MARK}\r\nX-Other: {MARK}"},
        {f"X-{MARK}": "1", "Range": f"bytes={MARK}"},
    ]

    async with RangeServer({"a.tif": IMAGE, "b.tif": IMAGE}) as server:
        ways = outcomes(f"localhost:{server.port}", "x")
        for given, way in itertools.product(headers, ways):
            for options in (
                {"headers": given},
                {"auth": given},
                {"auth": lambda given=given: given},
            ):
                server.script(*([way] if way else []))
                texts: list[str] = []
                await fail(server.url("a.tif"), texts, turns, **options)
                check((given, way), [text for text in texts if f"X-{MARK}" not in text])
    check("log", [line for line in log.lines if f"X-{MARK}" not in line])


async def test_a_function_that_fails_shows_no_secret(turns):
    def raising():
        message = f"GET https://h/a?sig={MARK} failed"
        raise RuntimeError(message)

    async with RangeServer({"a.tif": IMAGE}) as server:
        texts: list[str] = []
        for _ in range(2):
            await fail(server.url("a.tif"), texts, turns, headers=raising)
            await fail(server.url("a.tif"), texts, turns, auth=raising)
        assert texts
        check("function", texts)


class Repeating(fsspec.AbstractFileSystem):
    """A file system that tells its credentials in its errors."""

    protocol = "repeating"
    cachable = False

    def __init__(self, **options):
        super().__init__(**options)
        self.told = options

    def _told(self, path):
        message = f"{path}: {self.told} at https://u:{MARK}@h/x?sig={MARK}"
        raise self.told.get("error", OSError)(message)

    def info(self, path, **_):
        self._told(path)

    def cat_file(self, path, start=None, end=None, **_):
        del start, end
        self._told(path)


async def test_options_of_file_systems_show_no_secret(turns):
    fsspec.register_implementation("repeating", Repeating, clobber=True)
    shapes = [
        *({name: f"{MARK}v"} for name in NAMES),
        *({"key": "AKIA", "secret": f"{MARK}{sign}{MARK}"} for sign in "/?#@:;&=%+ ü"),
        {"client_kwargs": {"headers": {"Authorization": f"Bearer {MARK}"}}},
        {"account": [f"{MARK}list", (f"{MARK}tuple",)]},
        {"sas_token": f"?sv=1&sig={MARK}%3D"},
        {"endpoint_url": f"https://u:{MARK}@h/?k={MARK}"},
    ]
    errors = (OSError, FileNotFoundError, PermissionError, ValueError, KeyError, RuntimeError)
    for options, error in itertools.product(shapes, errors):
        texts: list[str] = []
        told = {**options, "error": error}
        await fail("repeating://bucket/a.tif", texts, turns, storage_options=told)
        await fail("bucket/a.tif", texts, turns, fs=Repeating(**told))
        assert texts
        check((options, error), texts)


async def test_urls_of_other_schemes_show_no_secret(turns):
    for url, _ in itertools.product(object_urls(), range(2)):
        texts: list[str] = []
        try:
            async with asyncio.timeout(5):
                await fail(url, texts, turns)
        except TimeoutError:
            texts.append("no answer")
        assert texts
        check(url, texts)


async def test_wrong_arguments_show_no_secret(turns):
    url = f"https://u:{MARK}@h/a.tif?sig={MARK}"
    wrong = [
        {"pin": 3},
        {"snapshot": b"x"},
        {"headers": {"a": 1}},
        {"storage_options": {"token": MARK}},
        {"allow_host": lambda _: False},
        {"page": "x"},
        {"fs": fsspec.filesystem("memory"), "headers": {"a": MARK}},
    ]
    for options, _ in itertools.product(wrong, range(2)):
        texts: list[str] = []
        await fail(url, texts, turns, **options)
        check(options, texts)
    for options, _ in itertools.product(
        ({"storage_options": {"token": MARK}}, {"auth": {"X": MARK}}), range(2)
    ):
        texts = []
        await fail(b"no tiff", texts, turns, **options)
        assert texts
        check(options, texts)
    cog = tinycog.open(url)
    assert MARK not in repr(pickle.loads(pickle.dumps(cog)))  # noqa: S301 - our own


def test_a_source_that_showed_its_url_once_hides_it_again():
    source = HttpSource("https://user:pass@example.org/a.tif?token=abcdef")
    show_urls()
    try:
        assert "abcdef" in source.name
        assert source.origin == "https://example.org"
    finally:
        show_urls(whole=False)
    assert source.name == "https://***@example.org/a.tif"
