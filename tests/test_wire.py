"""Heads of requests and answers as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycog.sources.http.fields import Fields
from tinycog.sources.http.http1 import parse_head, request_head
from tinycog.sources.http.urls import Url, parse_url

RANGE = Fields({"Range": "bytes=0-9"}.items())


@pytest.mark.parametrize(
    ("url", "first", "host"),
    [
        ("http://a.b/c.tif", "GET /c.tif HTTP/1.1", "Host: a.b"),
        ("https://a.b:443/c?d=e%2Ff", "GET /c?d=e%2Ff HTTP/1.1", "Host: a.b"),
        ("https://a.b:8443/", "GET / HTTP/1.1", "Host: a.b:8443"),
        ("http://[::1]:80/x#part", "GET /x HTTP/1.1", "Host: [::1]"),
        ("http://a.b", "GET / HTTP/1.1", "Host: a.b"),
    ],
)
def test_a_request_names_its_target_and_its_host(url, first, host):
    text = request_head(parse_url(url), RANGE)
    assert text is not None
    assert text.decode().split("\r\n") == [first, host, "Range: bytes=0-9", "", ""]


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "a\r\nEvil: b"},
        {"X": "a\nEvil: b"},
        {"X": "a\rb"},
        {"X": "\0"},
        {"X\r\nEvil": "b"},
        {"X: y\r\nEvil": "b"},
        {"": "b"},
        {"a b": "c"},
        {"Host": "elsewhere"},
        {"transfer-encoding": "chunked"},
        {"Connection": "close"},
    ],
)
def test_a_header_that_says_more_than_its_value_is_not_written(headers):
    assert request_head(parse_url("http://a.b/c"), Fields(headers.items())) is None


@given(st.text(), st.text(), st.text())
def test_no_url_and_no_header_brings_a_line_of_its_own(path, name, value):
    written = request_head(Url("http", "a.b", 80, "/" + path), Fields([(name, value)]))
    if written is not None:
        lines = written.decode().split("\r\n")
        assert len(lines) == 5
        assert lines[2] == f"{name}: {value}"
        assert len(written.split(b"\n")) == 5


def test_a_head_is_read():
    head = parse_head(
        b'HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\nETag:\t"x" \r\nX:\r\nx: b:c'
    )
    assert head is not None
    assert (head.status, head.reason, head.length, head.keeps) == (206, "Partial Content", 10, True)
    assert head.headers.get_all("X") == ["", "b:c"]
    assert head.headers.get("etag") == '"x"'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1",
        b"HTTP/2 206",
        b"HTTP/1.2 206 x",
        b"HTTP/1.1 6 x",
        b"HTTP/1.1 2066 x",
        b"HTTP/1.1 006 x",
        b"HTTP/1.1 206 x\r\n folded",
        b"HTTP/1.1 206 x\r\nno colon",
        b"HTTP/1.1 206 x\r\na b: c",
        b"HTTP/1.1 206 x\r\na : c",
        b"HTTP/1.1 206 x\r\na: b\nc: d",
        b"HTTP/1.1 206 x\r\na: \0",
        b"HTTP/1.1 206 x\ra: b",
        b"ICY 200 OK",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ],
)
def test_what_is_no_plain_head_is_none(data):
    assert parse_head(data) is None


@pytest.mark.parametrize(
    "lines",
    [
        b"\r\nContent-Length: -1",
        b"\r\nContent-Length: +1",
        b"\r\nContent-Length: 1e3",
        b"\r\nContent-Length: " + b"9" * 400,
        b"\r\nContent-Length: 1\r\nContent-Length: 2",
        b"\r\nContent-Length: 1, 1",
        b"\r\nContent-Length: 1\r\nContent-Length: 1",
        b"\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
    ],
)
def test_a_head_that_is_unclear_on_where_its_body_ends_is_not_taken(lines):
    assert parse_head(b"HTTP/1.1 206 Partial Content" + lines) is None


@pytest.mark.parametrize(
    ("data", "keeps"),
    [
        (b"HTTP/1.1 206 x\r\nContent-Length: 5", True),
        (b"HTTP/1.1 206 x\r\nTransfer-Encoding: Chunked", True),
        (b"HTTP/1.1 206 x\r\nContent-Length: 5\r\nConnection: Keep-Alive", True),
        (b"HTTP/1.1 404 x\r\nContent-Length: 0", True),
        (b"HTTP/1.1 304 x", True),
        (b"HTTP/1.1 206 x", False),
        (b"HTTP/1.1 206 x\r\nContent-Length: 5\r\nConnection: foo, Close", False),
        (b"HTTP/1.0 206 x\r\nContent-Length: 5", False),
    ],
)
def test_a_connection_is_kept_unless_the_server_says_otherwise(data, keeps):
    head = parse_head(data)
    assert head is not None
    assert head.keeps is keeps


@given(st.binary(max_size=200))
def test_any_bytes_are_a_head_or_none(data):
    head = parse_head(data)
    assert head is None or 100 <= head.status < 1000
