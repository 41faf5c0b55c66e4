"""HTTP/1.1 as it is written: urls, heads of requests and responses, bodies."""

from urllib.parse import unquote_to_bytes

import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from tinycog.sources.http.errors import TransportError
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.http1 import (
    ChunkedDecoder,
    IdentityDecoder,
    parse_head,
    request_head,
)
from tinycog.sources.http.urls import PLAIN_URL, Url, parse_url, quote

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


# --- urls ----------------------------------------------------------------------------------------

PLAIN_URLS = st.from_regex(PLAIN_URL, fullmatch=True)


@given(PLAIN_URLS)
def test_a_plain_url_is_split_as_yarl_splits_it(text):
    url = yarl.URL(text, encoded=True)
    if (url.port or 0) > 65535:
        with pytest.raises(ValueError, match="is larger than 65535"):
            parse_url(text)
        return
    found = parse_url(text)
    assert found[:4] == (url.scheme, url.raw_host, url.port, url.raw_path_qs)
    assert str(found) == f"{url.scheme}://{found.authority}{url.raw_path_qs}"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("http://a.b/ä b?c=ü", "http://a.b/%C3%A4%20b?c=%C3%BC"),
        ("HTTP://a.b/c", "http://a.b/c"),
        ("http://ä.b/c", "http://xn--4ca.b/c"),
        ("http://a.b/x/../c", "http://a.b/x/../c"),
        ("http://a.b?c=d", "http://a.b/?c=d"),
        ("http://a.b/c#part", "http://a.b/c"),
        ("http://a.b/c?X-Sig=a%2Bb%3D", "http://a.b/c?X-Sig=a%2Bb%3D"),
        (
            "http://a.b/ü.tif?sig=a%2Bb%3D%2Fc&x=%7Eu%28v%29",
            "http://a.b/%C3%BC.tif?sig=a%2Bb%3D%2Fc&x=%7Eu%28v%29",
        ),
        ("http://a.b/c?sig=a%2Bb&name=d e\tf", "http://a.b/c?sig=a%2Bb&name=d%20e%09f"),
        ("http://a.b/\udcfc.tif", "http://a.b/%FC.tif"),
    ],
)
def test_only_what_cannot_be_sent_of_a_url_is_quoted(text, sent):
    assert str(parse_url(text)) == sent


@given(st.binary())
def test_quoting_drops_no_byte_and_changes_none_that_can_be_sent(data):
    text = data.decode("utf-8", "surrogateescape")
    quoted = quote(text)

    assert unquote_to_bytes(quoted) == unquote_to_bytes(data)
    assert quote(quoted) == quoted
    assert quoted.isascii()


@pytest.mark.parametrize("text", ["a.tif", "mailto:a@b", "http://a b/c", "http://a:b/c"])
def test_what_is_no_url_is_refused(text):
    with pytest.raises(ValueError, match=r"url|host|port"):
        parse_url(text)


# --- bodies --------------------------------------------------------------------------------------


def chunked_body(chunks: list[bytes], extension: bytes = b"", trailers: bytes = b"") -> bytes:
    lines = [b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks if chunk]
    return b"".join(lines) + b"0\r\n" + trailers + b"\r\n"


@given(
    st.lists(st.binary(max_size=40)),
    st.integers(1, 30),
    st.sampled_from([b"", b";a=b", b"  ;x"]),
    st.sampled_from([b"", b"X: y\r\n"]),
    st.sampled_from([b"", b"HTTP/1.1 206"]),
)
def test_chunks_are_put_together_however_they_come(chunks, step, extension, trailers, surplus):
    wire = chunked_body(chunks, extension, trailers) + surplus
    decoder = ChunkedDecoder()
    found = b"".join(decoder.feed(wire[i : i + step]) for i in range(0, len(wire), step))
    assert found == b"".join(chunks)
    assert decoder.is_complete
    assert decoder.has_surplus == bool(surplus)


@pytest.mark.parametrize(
    "wire",
    [
        b"xyz\r\n",
        b"-5\r\n",
        b"\r\n",
        b"+5\r\nabcde\r\n",
        b"0x5\r\nabcde\r\n",
        b"f" * 400 + b"\r\n",
        b"5\r\nabcdexx5\r\n",
        b"5\nabcde\r\n\r\n",
        b"5;" + b"a" * 300_000,
        b"1\r\na\r\n0\r\n" + b"a: b\r\n" * 60_000,
    ],
)
def test_what_is_no_chunk_is_an_error(wire):
    with pytest.raises(TransportError):
        ChunkedDecoder().feed(wire)


def test_a_body_of_known_length_ends_there_and_one_of_none_with_its_connection():
    known, unknown = IdentityDecoder(5), IdentityDecoder(None)
    assert known.feed(b"abc") == b"abc"
    assert (known.is_complete, known.has_surplus, known.may_end) == (False, False, False)
    assert known.feed(b"defg") == b"de"
    assert (known.is_complete, known.has_surplus) == (True, True)
    assert unknown.feed(b"abc") == b"abc"
    assert (unknown.is_complete, unknown.may_end) == (False, True)


def test_fields_are_found_in_any_case():
    fields = Fields([("ETag", "a"), ("X", "1"), ("x", "2")])
    assert (fields.get("etag"), fields.get_all("X"), "x" in fields) == ("a", ["1", "2"], True)
    fields.update({"x": "3", "Y": "4"})
    assert list(fields.items()) == [("ETag", "a"), ("x", "3"), ("Y", "4")]
    fields.set("ETAG", "b")
    fields.remove("nothing")
    fields.remove("y")
    assert list(fields) == ["ETAG", "x"]
