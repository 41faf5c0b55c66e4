"""Rules of a server that gives a file by ranges over HTTP: RFC 9110, OGC 21-026, browsers."""

from __future__ import annotations

from tinycog.validator.http_checks import (
    accepts_ranges,
    allows_origin,
    allows_range,
    answers_head,
    check_of,
    exposes_headers,
    gives_range,
    gives_several,
    gives_suffix,
    has_etag,
    has_media_type,
    is_direct,
    is_one_part,
    is_partial,
    is_plain,
    is_right,
    is_same_bytes,
    is_secure,
    keeps_connection,
    keeps_etag,
    may_be_cached,
    refuses_beyond,
    stays_plain,
    takes_condition,
    takes_own_etag,
    tells_size,
)
from tinycog.validator.rule import ServerRule, ValidationProfile, ids_of

RFC = "RFC 9110, {}"

FETCH = "WHATWG Fetch, {}"

OGC = "OGC 21-026, {}"

SERVE = "serve it by a server or store that gives ranges: nginx, Apache, S3, GCS, Azure"

CORS = (
    "configure CORS: Access-Control-Allow-Origin: *, Access-Control-Allow-Headers: Range,"
    " Access-Control-Expose-Headers: Content-Range, ETag; answer OPTIONS by 204"
)

NO_CODING = "leave image/tiff out of what is compressed (gzip_types, encode, mod_deflate)"


HTTP_RANGE = (
    ServerRule(
        "/req/http-range/range",
        "error",
        "the server gives ranges of bytes",
        OGC.format("/req/http-range/range"),
        SERVE,
        check_of("first", gives_range),
    ),
    ServerRule(
        "/req/http-range/https-headers",
        "error",
        "the server supports CORS, and allows the header Range",
        OGC.format("/req/http-range/https-headers"),
        CORS,
        check_of("preflight", allows_range),
    ),
    ServerRule(
        "/rec/media-type/media-type",
        "warning",
        "the media type is image/tiff; application=geotiff; profile=cloud-optimized",
        OGC.format("/rec/media-type/media-type"),
        "send Content-Type: image/tiff; application=geotiff; profile=cloud-optimized",
        check_of("first", has_media_type),
    ),
)

RANGES = (
    ServerRule(
        "http/range",
        "error",
        "a range is answered by 206",
        RFC.format("section 15.3.7"),
        SERVE,
        check_of("first", is_partial),
    ),
    ServerRule(
        "http/content-range",
        "error",
        "Content-Range and the length of the body are those of the range",
        RFC.format("section 14.4"),
        SERVE,
        check_of("first", is_right),
    ),
    ServerRule(
        "http/size",
        "warning",
        "Content-Range tells the size of the object",
        RFC.format("section 14.4"),
        SERVE,
        check_of("first", tells_size),
    ),
    ServerRule(
        "http/same-bytes",
        "error",
        "ranges that overlap hold the same bytes",
        RFC.format("section 14.1.2"),
        "look for a proxy or cache that mixes objects or offsets",
        check_of("second", is_same_bytes),
    ),
    ServerRule(
        "http/one-part",
        "error",
        "one range is not answered by a multipart",
        RFC.format("section 15.3.7.2"),
        SERVE,
        check_of("first", is_one_part),
    ),
    ServerRule(
        "http/suffix",
        "warning",
        "a range from the end is answered by the last bytes",
        RFC.format("section 14.1.2"),
        "tell readers to ask for closed ranges only",
        check_of("suffix", gives_suffix),
    ),
    ServerRule(
        "http/beyond-end",
        "warning",
        "a range behind the end is answered by 416, with the size",
        RFC.format("section 15.5.17"),
        SERVE,
        check_of("beyond", refuses_beyond),
    ),
    ServerRule(
        "http/several-ranges",
        "warning",
        "what comes of several ranges in one request: never more than a note",
        RFC.format("section 14.2"),
        "tell readers to ask for one range at a time (GDAL_HTTP_MULTIRANGE=SINGLE_GET)",
        gives_several,
    ),
    ServerRule(
        "http/accept-ranges",
        "warning",
        "Accept-Ranges says bytes",
        RFC.format("section 14.3"),
        "send Accept-Ranges: bytes",
        check_of("head", accepts_ranges),
    ),
    ServerRule(
        "http/head",
        "warning",
        "HEAD is answered by 200 and the length",
        RFC.format("section 9.3.2"),
        "allow HEAD; a signed url is for the method that it was signed for",
        check_of("head", answers_head),
    ),
)

GENERATION = (
    ServerRule(
        "http/etag",
        "warning",
        "a strong ETag names the generation of the object",
        RFC.format("section 8.8.3"),
        "send a strong ETag (nginx: etag on; no gzip of image/tiff, which weakens it)",
        check_of("first", has_etag),
    ),
    ServerRule(
        "http/etag-stable",
        "error",
        "all answers have the same ETag",
        RFC.format("section 8.8.1"),
        "let all replicas send the same ETag (Apache: FileETag MTime Size)",
        keeps_etag,
    ),
    ServerRule(
        "http/if-match",
        "warning",
        "a range on condition of another ETag is refused by 412",
        RFC.format("section 13.1.1"),
        "let proxies pass If-Match on",
        takes_condition,
    ),
    ServerRule(
        "http/if-match-own",
        "error",
        "a range on condition of the object's own ETag is given",
        RFC.format("section 13.1.1"),
        "let If-Match be compared with the very ETag that is sent",
        check_of("second", takes_own_etag),
    ),
)

COMPRESSION = (
    ServerRule(
        "http/identity",
        "error",
        "nothing is compressed where that is not accepted",
        RFC.format("section 12.5.3"),
        NO_CODING,
        check_of("first", is_plain),
    ),
    ServerRule(
        "http/compression",
        "error",
        "ranges are not compressed where that is accepted",
        RFC.format("section 14.1.2"),
        NO_CODING,
        check_of("second", stays_plain),
    ),
)

BROWSERS = (
    ServerRule(
        "http/cors-origin",
        "error",
        "pages of any origin may read the answer",
        FETCH.format("section 3.3.3: Access-Control-Allow-Origin"),
        CORS,
        check_of("first", allows_origin),
    ),
    ServerRule(
        "http/cors-preflight",
        "error",
        "a preflight allows the header Range",
        FETCH.format("section 3.3.3: Access-Control-Allow-Headers"),
        CORS,
        check_of("preflight", allows_range),
    ),
    ServerRule(
        "http/cors-expose",
        "warning",
        "pages may see Content-Range and ETag",
        FETCH.format("section 3.3.3: Access-Control-Expose-Headers"),
        CORS,
        check_of("first", exposes_headers),
    ),
    ServerRule(
        "http/https",
        "warning",
        "the file is had by https",
        "OGC Testbed-17, draft of COG: 9.1.1, COG and CORS in browsers",
        "serve it by https",
        is_secure,
    ),
)

CONNECTION = (
    ServerRule(
        "http/redirects",
        "warning",
        "there is no redirect on the way",
        RFC.format("section 15.4"),
        "publish the url to which it leads",
        is_direct,
    ),
    ServerRule(
        "http/keep-alive",
        "warning",
        "the connection stays open",
        "RFC 9112, section 9.3",
        "let it stay open (nginx: keepalive_timeout), and speak HTTP/1.1 or later",
        check_of("first", keeps_connection),
    ),
    ServerRule(
        "http/cache-control",
        "warning",
        "caches may keep the answer",
        "RFC 9111, section 5.2.2",
        "send Cache-Control: public, max-age=86400, or longer where files never change",
        check_of("first", may_be_cached),
    ),
)

SERVER_RULES = {
    rule.id: rule
    for rule in (*HTTP_RANGE, *RANGES, *GENERATION, *COMPRESSION, *BROWSERS, *CONNECTION)
}
"""All rules of servers by id."""

SERVER_PROFILE = ValidationProfile(
    "http",
    "RFC 9110, OGC 21-026 and WHATWG Fetch: a server of ranges",
    {
        "/req/http-range": ids_of(*HTTP_RANGE),
        "http-ranges": ids_of(*RANGES),
        "http-generation": ids_of(*GENERATION),
        "http-compression": ids_of(*COMPRESSION),
        "http-browsers": ids_of(*BROWSERS),
        "http-connection": ids_of(*CONNECTION),
    },
)
"""Rules of the server, whatever the file is."""
