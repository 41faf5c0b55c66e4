"""Validation of servers: what each fault of a server is found as, and what looking costs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinycog
import tinycog.sync
from tinycog.cli import main
from tinycog.errors import AccessDeniedError, NotFoundError, SourceError, UsageError
from tinycog.sources.http.server_answer import ServerAnswer, ServerFacts
from tinycog.testing import Fault, HugeTiff, RangeServer, serve_in_thread
from tinycog.validator.http_rules import SERVER_PROFILE, SERVER_RULES

ROOT = Path(__file__).parent.parent
DEMO = (ROOT / "src" / "tinycog" / "data" / "demo.tif").read_bytes()

FIRST, HEAD, PREFLIGHT, SECOND, OTHER, SUFFIX, BEYOND, SEVERAL = range(8)
"""The requests, in their order."""


@pytest.fixture(scope="module")
def server() -> Iterator[RangeServer]:
    with serve_in_thread({"image.tif": DEMO}, cors=True) as found:
        yield found


def found(server: RangeServer, *faults: Fault, strict: bool = False) -> dict[str, str]:
    """Severity of each rule that the server breaks; notes left out."""
    server.clear()
    server.script(*faults)
    report = tinycog.sync.validate(server.url("image.tif"), "http", strict=strict)
    return {one.rule: one.severity for one in report.findings if one.severity != "note"}


def test_a_good_server_breaks_no_rule(server):
    assert found(server) == {}
    assert tinycog.sync.validate(server.url("image.tif"), "http", strict=True).passed


def test_looking_costs_eight_requests_and_few_bytes(server):
    found(server)
    requests = [(line.method, line.status) for line in server.log]
    assert requests == [
        ("GET", 206),
        ("HEAD", 200),
        ("OPTIONS", 204),
        ("GET", 206),
        ("GET", 412),
        ("GET", 206),
        ("GET", 416),
        ("GET", 200),  # this server gives no multipart: the whole object, which is cut off
    ]
    assert sum(line.sent for line in server.log[:SEVERAL]) == 3 * 1024

    server.clear()
    report = tinycog.sync.validate(server.url("image.tif"), "gdal", http=True)
    assert list(report.verdicts) == ["structure", *SERVER_PROFILE.classes]
    assert report.passed
    assert len(server.log) == 8 + 1


FAULTS: list[tuple[str, list[Fault], dict[str, str]]] = [
    (
        "no ranges",
        [Fault.ignore_range(times=None)],
        {
            "/req/http-range/range": "error",
            "http/range": "error",
            # what is not asked then
            "http/same-bytes": "unknown",
            "http/suffix": "unknown",
            "http/beyond-end": "unknown",
            "http/if-match": "unknown",
            "http/if-match-own": "unknown",
            "http/compression": "unknown",
        },
    ),
    (
        "another range",
        [Fault.wrong_range(7, times=None)],
        {
            "/req/http-range/range": "error",
            "http/content-range": "error",
            "http/suffix": "warning",
        },
    ),
    (
        "a Content-Range that none can read",
        [Fault.bad_content_range()],
        {"/req/http-range/range": "error", "http/content-range": "error"},
    ),
    (
        "a body that is too long",
        [Fault.long_body(10)],
        {"/req/http-range/range": "error", "http/content-range": "error"},
    ),
    (
        "one part of a multipart",
        [Fault.multipart()],
        {"/req/http-range/range": "error", "http/one-part": "error"},
    ),
    ("other bytes", [Fault.lying_range(5, after=1)], {"http/same-bytes": "error"}),
    ("no size", [Fault.no_total()], {"http/size": "warning"}),
    ("no suffix", [Fault.ignore_range(after=2)], {"http/suffix": "warning"}),
    (
        "no 416",
        [Fault.status(200, after=BEYOND)],
        {"http/beyond-end": "warning"},
    ),
    (
        "a 416 without the size",
        [Fault.status(416, after=BEYOND)],
        {"http/beyond-end": "warning"},
    ),
    (
        "no Accept-Ranges",
        [Fault.headers({"Accept-Ranges": None}, times=2)],
        {"http/accept-ranges": "warning"},
    ),
    (
        "no HEAD",
        [Fault.status(403, after=HEAD)],
        {"http/head": "warning"},
    ),
    ("no ETag", [Fault.headers({"ETag": None}, times=None)], {"http/etag": "warning"}),
    ("a weak ETag", [Fault.headers({"ETag": 'W/"a"'}, times=None)], {"http/etag": "warning"}),
    (
        "an ETag that changes",
        [Fault.headers({"ETag": '"b"'}, after=SUFFIX)],
        {"http/etag-stable": "error"},
    ),
    (
        "If-Match that is ignored",
        [Fault.status(206, headers={"Content-Range": "bytes 512-525/9"}, after=OTHER)],
        {"http/if-match": "warning"},
    ),
    (
        "If-Match that is refused",
        [Fault.status(412, after=SECOND)],
        {"http/if-match-own": "error"},
    ),
    (
        "ranges that are compressed whatever is asked for",
        [Fault.gzip(times=2)],
        {
            "/req/http-range/range": "error",
            "http/content-range": "error",
            "http/identity": "error",
            "http/compression": "error",
        },
    ),
    ("ranges that are compressed", [Fault.gzip(after=1)], {"http/compression": "error"}),
    ("a whole file, compressed", [Fault.gzip(whole=True, after=1)], {"http/compression": "error"}),
    (
        "another origin",
        [Fault.headers({"Access-Control-Allow-Origin": "https://other.example"}, times=None)],
        {
            "/req/http-range/https-headers": "error",
            "http/cors-origin": "error",
            "http/cors-preflight": "error",
        },
    ),
    (
        "no preflight",
        [Fault.status(405, after=PREFLIGHT)],
        {"/req/http-range/https-headers": "error", "http/cors-preflight": "error"},
    ),
    (
        "a preflight without Range",
        [Fault.headers({"Access-Control-Allow-Headers": "X-Other"}, after=PREFLIGHT)],
        {"/req/http-range/https-headers": "error", "http/cors-preflight": "error"},
    ),
    (
        "hidden headers",
        [Fault.headers({"Access-Control-Expose-Headers": None}, times=None)],
        {"http/cors-expose": "warning"},
    ),
    (
        "no type",
        [Fault.headers({"Content-Type": "application/octet-stream"}, times=None)],
        {"/rec/media-type/media-type": "warning"},
    ),
    (
        "a redirect",
        [Fault.redirect("image.tif")],
        {"http/redirects": "warning"},
    ),
    (
        "a connection that is closed",
        [Fault.headers({"Connection": "close"}, times=None)],
        {"http/keep-alive": "warning"},
    ),
    (
        "no cache",
        [Fault.headers({"Cache-Control": "private, no-store"}, times=None)],
        {"http/cache-control": "warning"},
    ),
    (
        "a server that is busy for a moment",
        [Fault.status(503, after=SUFFIX)],
        {"http/suffix": "unknown"},
    ),
    (
        "a connection that breaks",
        [Fault.reset(after=BEYOND, times=2)],  # the first is sent again: it was a kept one
        {"http/beyond-end": "unknown"},
    ),
]


@pytest.mark.parametrize(
    ("faults", "expected"), [pytest.param(*case[1:], id=case[0]) for case in FAULTS]
)
def test_a_fault_is_found(server, faults, expected):
    assert found(server, *faults) == expected


def test_each_rule_has_a_fault_that_breaks_it():
    broken = {rule for _, _, rules in FAULTS for rule in rules}
    # https is looked at below, several ranges are never more than a note
    assert broken == set(SERVER_RULES) - {"http/https", "http/several-ranges"}


@pytest.mark.parametrize(
    ("base", "hops", "count"),
    [
        ("https://example.com", (), 0),
        ("http://example.com", (), 1),
        ("http://127.0.0.1:80", (), 0),  # browsers take it for secure
        ("https://example.com", ("https://cdn.example", "http://example.org"), 1),
    ],
)
def test_https_on_the_whole_way(base, hops, count):
    answer = ServerAnswer("HTTP 206", 206, hops=hops)
    facts = ServerFacts(base, "https://page.example", answer, answer, answer, None, 512)
    assert len(list(SERVER_RULES["http/https"].check(facts))) == count


def test_a_redirect_is_told_by_its_server_without_secrets(server):
    with serve_in_thread({"image.tif": DEMO}, cors=True) as other:
        target = other.url("image.tif") + "?token=SECRET"
        server.clear()
        server.script(Fault.redirect(target, times=None))
        report = tinycog.sync.validate(server.url("image.tif"), "http")
        (redirect,) = (one for one in report.findings if one.rule == "http/redirects")
        assert f"to http://127.0.0.1:{other.port}" in redirect.message
        assert "SECRET" not in report.to_json()
        rules = {one.rule for one in report.findings if one.severity == "error"}
        assert rules == {"/req/http-range/https-headers", "http/cors-preflight"}
        assert len(other.log) == len(server.log) == 8


@pytest.mark.parametrize(("status", "error"), [(404, NotFoundError), (403, AccessDeniedError)])
def test_an_object_that_cannot_be_had_is_an_error(server, status, error):
    server.script(Fault.status(status, times=None))
    with pytest.raises(error):
        tinycog.sync.validate(server.url("image.tif"), "http")


def test_no_server_at_all_is_an_error():
    with pytest.raises(SourceError):
        tinycog.sync.validate("http://127.0.0.1:9/image.tif", "http")


def test_a_large_file_whose_server_gives_no_ranges_is_unknown():
    huge = HugeTiff(1 << 16, 1 << 16, compression=1)
    with serve_in_thread({"image.tif": huge}, faults=[Fault.ignore_range(times=None)]) as server:
        report = tinycog.sync.validate(server.url("image.tif"), "gdal", http=True)
        assert report.verdicts["structure"] == "unknown"
        assert report.verdicts["http-ranges"] == "fail"
        assert sum(line.sent for line in server.log) < 20 << 20  # each is cut off
        with pytest.raises(SourceError):
            tinycog.sync.validate(server.url("image.tif"), "gdal")


def test_what_is_no_url_of_http_has_no_server(tmp_path):
    (tmp_path / "image.tif").write_bytes(DEMO)
    for where in (DEMO, tmp_path / "image.tif"):
        with pytest.raises(UsageError, match="by a url of http or https"):
            tinycog.sync.validate(where, "gdal", http=True)


async def test_a_handle_and_a_signed_url_bring_their_credentials(server):
    server.script()
    server.clear()
    url = server.url("image.tif")
    async with tinycog.open(url, auth={"X-Key": "k"}) as cog:
        assert (await tinycog.validate(cog, "http")).passed
        assert (await cog.read_tile(0, 0, 0)).data.any()
    assert {line.headers.get("x-key") for line in server.log} == {"k"}
    signed = tinycog.SignedUrl(url, lambda _: f"{url}?sig=SECRET")
    report = await tinycog.validate(signed, "http")
    assert report.passed
    assert "SECRET" not in report.to_json()


def test_rules_of_servers_in_a_profile_of_the_callers(server):
    server.script()
    mine = tinycog.ValidationProfile("mine", "us", {"a": ["http/range", "http/etag"]})
    assert tinycog.sync.validate(server.url("image.tif"), mine).verdicts == {"a": "pass"}
    mixed = tinycog.ValidationProfile("mine", "us", {"a": ["http/range", "ee/tile-256"]})
    with pytest.raises(UsageError, match="rules that there are not: ee/tile-256"):
        tinycog.sync.validate(server.url("image.tif"), mixed)
    same = tinycog.ValidationProfile("mine", "us", {"http-ranges": ["ee/tile-256"]})
    with pytest.raises(UsageError, match="of a class 'http-ranges', as the server's are called"):
        tinycog.sync.validate(server.url("image.tif"), same, http=True)


def test_the_command_line(server, capsys):
    server.script()
    assert main(["validate", server.url("image.tif"), "--profile", "gdal", "--http"]) == 0
    assert "pass    http-browsers" in capsys.readouterr().out
    server.script(Fault.status(405, after=PREFLIGHT))
    assert main(["validate", server.url("image.tif"), "--profile", "http"]) == 1
    assert "[http/cors-preflight]" in capsys.readouterr().out


def test_every_rule_is_in_the_table():
    text = (ROOT / "spec" / "validation.md").read_text("utf-8")
    section = text.partition("\n## `http`\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \| (\w+) \| (.+) \| (.+) \|$", section, re.MULTILINE)
    classes = SERVER_PROFILE.classes.items()
    listed = [(SERVER_RULES[rule], name) for name, ids in classes for rule in ids]
    assert rows == [(r.id, name, r.severity, r.says, r.source) for r, name in listed]
    assert {rule.id for rule, _ in listed} == set(SERVER_RULES)
