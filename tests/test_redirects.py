"""Where a url leads to, and what is told to whom."""

from __future__ import annotations

import asyncio
import pickle
import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import tinycog
from tinycog import AccessDeniedError, Limits, NotFoundError, SourceError, UsageError
from tinycog.fetch.concurrency import BUDGET
from tinycog.fetch.fetcher import Fetcher
from tinycog.sources.factory import make_source
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.redirects import RefusedRedirectError, Target
from tinycog.sources.http.urls import parse_url
from tinycog.testing import Fault, RangeServer, serve_in_thread
from tinycog.tiff.ranges import ByteRange

DATA = bytes(i * 7 % 256 for i in range(1000))


@pytest.fixture
async def server():
    async with RangeServer({"a": DATA}) as server:
        yield server
    assert BUDGET.used == 0


@pytest.fixture
async def other():
    async with RangeServer({"a": DATA}) as server:
        yield server


async def read(url: str, start: int = 100, stop: int = 200, **options: Any) -> bytes:
    fetcher = Fetcher(make_source(url, **options))
    return (await fetcher.read([ByteRange(start, stop)]))[0]


# --- from url to url, without a wire -------------------------------------------------------------


def target(url: str, secrets: tuple[str, ...] = (), **limits: Any) -> Target:
    names = ["Range", "Authorization", "Cookie", "X-Api-Key", "Accept", "X-Mine", "If-Match"]
    headers = Fields((name, name) for name in names)
    return Target(parse_url(url), headers, secrets, Limits(**limits))


@pytest.mark.parametrize(
    ("url", "location", "reached"),
    [
        ("http://a/b/c?d=1", "/x", "http://a/x"),
        ("http://a/b/c?d=1", "x?y=%2F", "http://a/b/x?y=%2F"),
        ("http://a/b", "//c/d", "http://c/d"),
        ("http://a/b", "https://c/d?X-Sig=a%2Bb%3D", "https://c/d?X-Sig=a%2Bb%3D"),
        ("http://a/b", "http://c/ä b", "http://c/%C3%A4%20b"),
        ("http://a/b", "http://u:p@c/d", "http://c/d"),
        ("http://a/b", "/ä.tif?sig=a%2Bb", "http://a/%C3%A4.tif?sig=a%2Bb"),
        ("http://a/b", "/\udcfc.tif?sig=a%2Bb", "http://a/%FC.tif?sig=a%2Bb"),
        ("http://a/b/c", "../\td", "http://a/%09d"),
    ],
)
def test_a_location_may_be_relative_and_is_not_quoted_anew(url, location, reached):
    at = target(url)
    at.follow(location)
    assert str(at.url) == reached


KEPT = {"Range", "Accept", "If-Match"}


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("http://a/x", None),
        ("http://a:80/x", None),
        ("https://a/x", KEPT),
        ("http://a:81/x", KEPT),
        ("http://b/x", KEPT),
        ("http://a.b/x", KEPT),
    ],
)
def test_secrets_stay_at_their_origin(location, kept):
    at = target("http://a/b", ("x-mine",))
    before = set(at.headers)
    at.follow(location)
    assert set(at.headers) == (kept or before)


def test_secrets_do_not_come_back_with_the_first_origin():
    at = target("http://a/b")
    at.follow("http://b/")
    at.follow("http://a/b")
    assert "Authorization" not in at.headers


def test_credentials_of_a_url_are_secrets_too():
    at = Target(parse_url("http://user:pass@a/b"), Fields(), (), Limits())
    assert str(at.url) == "http://a/b"
    assert at.headers.get("Authorization") == "Basic dXNlcjpwYXNz"
    at.follow("http://b/")
    assert not list(at.headers)


def test_from_https_to_http_goes_only_who_was_allowed():
    with pytest.raises(RefusedRedirectError, match=r"from https to http://a.*insecure_redirects"):
        target("https://a/b").follow("http://a/b?secret=1")
    at = target("https://a/b", insecure_redirects=True)
    at.follow("http://a/b")
    assert "Authorization" not in at.headers


@pytest.mark.parametrize("location", ["ftp://a/b", "file:///etc/passwd", "javascript:alert(1)"])
def test_only_http_is_followed(location):
    with pytest.raises(RefusedRedirectError, match="which is not http"):
        target("http://a/b").follow(location)


# --- over the wire -------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 5])
async def test_up_to_five_redirects_are_followed_with_range_and_pin(server, n):
    etag = await etag_of(server)
    server.script(Fault.redirect(server.url("a"), times=n))
    fetcher = Fetcher(make_source(server.url("a")))
    fetcher.restore(None, etag, ())
    assert await fetcher.read([ByteRange(100, 200)]) == [DATA[100:200]]
    lines = server.log[1:]
    assert len(lines) == n + 1
    assert {line.headers["range"] for line in lines} == {"bytes=100-199"}
    assert {line.headers["if-match"] for line in lines} == {fetcher.generation}
    assert len(fetcher.log) == 1


async def etag_of(server: RangeServer) -> str | None:
    fetcher = Fetcher(make_source(server.url("a")))
    await fetcher.read([ByteRange(0, 1)])
    return fetcher.generation


async def test_more_are_an_error(server):
    server.script(Fault.redirect(server.url("a"), times=None))
    url = server.url("a")
    with pytest.raises(SourceError) as caught:
        await read(url)
    assert (
        str(caught.value) == f"more than 5 redirects (Limits.redirects): {url} (bytes 100 to 200)"
    )
    assert len(server.log) == 6
    server.clear()
    with pytest.raises(SourceError, match="more than 0 redirects"):
        await read(url, limits=Limits(redirects=0))
    assert len(server.log) == 1


@pytest.mark.parametrize("location", ["http://", "http://[::1", "", "http://a:99999999/", "\xff"])
async def test_a_location_that_is_none_is_an_error_of_ours(server, location):
    server.script(Fault.redirect(location, times=None))
    with pytest.raises(SourceError):
        await read(server.url("a"), limits=Limits(retries=tinycog.Retries(tries=1)))


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    "location", ["ftp://h/a?sig=S3CRET", "https://u:S3CRET@h:x/a", "http://[S3CRET"]
)
async def test_where_a_refused_redirect_led_to_is_not_shown(server, location):
    server.script(Fault.redirect(location))
    with pytest.raises(SourceError) as caught:
        await read(server.url("a"))
    shown = [f"{error!r} {error} {error.args}" for error in chain_of(caught.value)]
    assert "S3CRET" not in "".join([*shown, *traceback.format_exception(caught.value)])


async def test_an_error_names_the_server_that_a_redirect_led_to(server, other):
    server.script(Fault.redirect(other.url("none")))
    with pytest.raises(NotFoundError, match=f": redirected to {re.escape(other.url(''))[:-1]}$"):
        await read(server.url("a"))


async def test_an_error_tells_that_credentials_were_left_behind(server, other):
    server.script(Fault.redirect(other.url("a")))
    other.script(Fault.status(401))
    with pytest.raises(AccessDeniedError, match="; credentials were not sent there"):
        await read(server.url("a"), auth={"X-Secret": "S3CRET"})


async def test_a_redirect_without_a_location_is_a_refusal(server):
    server.script(Fault.status(302))
    with pytest.raises(SourceError, match="HTTP 302"):
        await read(server.url("a"))


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_what_has_moved_for_good_is_asked_there_the_next_time(server, other, code):
    server.script(Fault.redirect(other.url("a"), code=code, times=None))
    fetcher = Fetcher(make_source(server.url("a"), headers={"Authorization": "x"}))
    for start in (0, 300, 600):
        part = ByteRange(start, start + 10)
        assert await fetcher.read([part]) == [DATA[slice(*part)]]
    assert len(server.log) == (1 if code in (301, 308) else 3)
    assert all("authorization" not in line.headers for line in other.log)


async def test_what_may_not_be_kept_is_not_remembered(server, other):
    headers = {"Location": other.url("a"), "Cache-Control": "no-store"}
    server.script(Fault.status(301, headers=headers, times=None))
    fetcher = Fetcher(make_source(server.url("a")))
    for start in (0, 600):
        await fetcher.read([ByteRange(start, start + 10)])
    assert len(server.log) == 2


async def test_a_place_that_no_longer_answers_is_forgotten(server, other):
    server.script(Fault.redirect(other.url("a"), code=301))
    other.script(Fault.status(404, after=1))
    fetcher = Fetcher(make_source(server.url("a")))
    await fetcher.read([ByteRange(0, 10)])
    with pytest.raises(SourceError):
        await fetcher.read([ByteRange(300, 310)])
    assert len(server.log) == 1
    assert await fetcher.read([ByteRange(600, 610)]) == [DATA[600:610]]
    assert len(server.log) == 2


async def test_another_server_is_told_no_secrets(server, other):
    server.script(Fault.redirect(other.url("a"), times=None))
    headers = {"Authorization": "x", "cookie": "x", "X-Api-Key": "x", "X-Hello": "y"}
    data = await read(server.url("a"), headers=headers, auth={"X-Mine": "x"})
    assert data == DATA[100:200]
    first, second = server.log[0].headers, other.log[0].headers
    assert [first[name] for name in ("authorization", "cookie", "x-api-key", "x-mine")] == ["x"] * 4
    assert "x" not in second.values()
    assert second["x-hello"] == "y"


async def test_headers_of_the_caller_do_not_replace_ours(server):
    headers = {"range": "bytes=0-9", "accept-encoding": "gzip", "RANGE": "bytes=1-2"}
    assert await read(server.url("a"), headers=headers) == DATA[100:200]
    assert server.log[0].headers["range"] == "bytes=100-199"
    assert server.log[0].headers["accept-encoding"] == "identity"


async def test_a_caller_says_which_hosts_may_be_asked(server, other):
    server.script(Fault.redirect(other.url("a"), times=None))
    asked: list[str] = []

    def only_first(url: str) -> bool:
        asked.append(url)
        return url.startswith(server.url(""))

    with pytest.raises(AccessDeniedError, match=r"allow_host does not allow") as caught:
        await read(server.url("a"), allow_host=only_first, auth=dict)
    assert caught.value.status is None
    assert asked == [server.url("a"), other.url("a")]
    assert other.log == []
    assert await read(server.url("a"), allow_host=lambda _: True) == DATA[100:200]


async def test_a_function_of_the_caller_that_fails_is_an_error_of_ours(server):
    def broken(*_: object) -> Any:
        raise KeyError("x")

    with pytest.raises(SourceError, match=r"allow_host failed: KeyError: 'x'"):
        await read(server.url("a"), allow_host=broken)
    for name in ("headers", "auth"):
        with pytest.raises(SourceError, match=f"{name} cannot be had: KeyError"):
            await read(server.url("a"), 100, 200, **{name: broken})
    assert server.log == []


@pytest.mark.parametrize("given", [7, "Authorization: x", {"a": 1}, {1: "a"}, [("a", "b")]])
async def test_headers_that_are_none_are_a_mistake(server, given):
    with pytest.raises(UsageError, match="headers must be"):
        await read(server.url("a"), headers=given)
    with pytest.raises(UsageError, match="auth must be"):
        await read(server.url("a"), auth=lambda: given)


async def test_a_header_that_cannot_be_sent_is_an_error_of_ours(server):
    with pytest.raises(SourceError):
        await read(server.url("a"), headers={"A": "b\r\nc: d"})
    assert server.log == []


# --- credentials that run out --------------------------------------------------------------------


class Tokens:
    """Gives a new token each time it is asked."""

    def __init__(self) -> None:
        self.given = 0

    def now(self) -> Mapping[str, str]:
        self.given += 1
        return {"Authorization": f"token {self.given}"}

    async def later(self) -> Mapping[str, str]:
        await asyncio.sleep(0.005)
        return self.now()


def guarded(status: int) -> Fault:
    """A server that only takes the tokens from the third on."""
    refused = Fault.status(status).alter

    def alter(exchange: Any) -> Any:
        told = exchange.request.headers.get("authorization", "token 0")
        return exchange.right if int(told.split()[1]) >= 3 else refused(exchange)

    return Fault(kind="guarded", alter=alter, times=None)


@pytest.mark.parametrize("argument", ["headers", "auth"])
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("way", ["now", "later"])
async def test_fresh_credentials_are_asked_for_once(server, argument, status, way):
    tokens = Tokens()
    tokens.given = 1  # so 2 is refused, 3 is good
    server.script(guarded(status))
    options = {argument: getattr(tokens, way)}
    fetcher = Fetcher(make_source(server.url("a"), **options))
    parts = [ByteRange(i * 100, i * 100 + 50) for i in range(8)]
    found = await asyncio.gather(*(fetcher.read([part]) for part in parts))
    assert [f[0] for f in found] == [DATA[a:b] for a, b in parts]
    assert tokens.given == 3
    assert await fetcher.read([ByteRange(990, 1000)]) == [DATA[990:]]
    assert tokens.given == 3
    assert {r.error for r in fetcher.log} == {None}


async def test_credentials_that_stay_wrong_are_said(server):
    tokens = Tokens()
    tokens.given = -10
    server.script(guarded(401))
    with pytest.raises(AccessDeniedError, match="HTTP 401") as caught:
        await read(server.url("a"), auth=tokens.later)
    assert (tokens.given, len(server.log), caught.value.tries) == (-8, 2, 1)


async def test_credentials_that_are_fixed_are_not_tried_again(server):
    server.script(Fault.status(403, times=None))
    with pytest.raises(AccessDeniedError):
        await read(server.url("a"), headers={"Authorization": "x"})
    assert len(server.log) == 1


async def test_who_waits_for_credentials_may_be_cancelled(server):
    begun = asyncio.Event()

    async def never() -> Mapping[str, str]:
        begun.set()
        await asyncio.Event().wait()
        return {}

    fetcher = Fetcher(make_source(server.url("a"), auth=never))
    task = asyncio.ensure_future(fetcher.read([ByteRange(0, 10)]))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (BUDGET.used, fetcher.server.in_flight) == (0, 0)


async def test_a_function_that_hangs_holds_nobody_up(server):
    async def never() -> Mapping[str, str]:
        await asyncio.Event().wait()
        return {}

    limits = Limits(retries=tinycog.Retries(silence=0.1))
    fetcher = Fetcher(make_source(server.url("a"), auth=never, limits=limits), limits)
    parts = [ByteRange(i * 10_000, i * 10_000 + 10) for i in range(5)]
    async with asyncio.timeout(5):
        found = await asyncio.gather(*(fetcher.read([p]) for p in parts), return_exceptions=True)
    assert {str(error) for error in found} == {"auth did not come within 0.1 s"}
    assert {type(error) for error in found} == {tinycog.SourceTimeoutError}
    assert server.log == []


async def test_a_function_that_is_cancelled_cancels_nobody_else(server):
    async def cancelled() -> Mapping[str, str]:
        raise asyncio.CancelledError

    with pytest.raises(SourceError, match="the function was cancelled"):
        await read(server.url("a"), headers=cancelled)


async def test_a_handle_with_a_function_pickles(server):
    server.script(guarded(401))
    source = make_source(server.url("a"), auth=Fixed())
    again = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own
    assert await Fetcher(again).read([ByteRange(0, 10)]) == [DATA[:10]]


class Fixed:
    """A callable that pickles."""

    def __call__(self) -> Mapping[str, str]:
        return {"Authorization": "token 3"}


def test_one_source_is_used_from_several_loops():
    tokens = Tokens()
    tokens.given = 1

    async def main() -> bytes:
        return (await Fetcher(source).read([ByteRange(5, 10)]))[0]

    with serve_in_thread({"a": DATA}) as server:
        server.script(guarded(401))
        source = make_source(server.url("a"), auth=tokens.later)
        assert [asyncio.run(main()) for _ in range(2)] == [DATA[5:10]] * 2
    assert tokens.given == 3
