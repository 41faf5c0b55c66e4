"""Checks of a server that gives a file by ranges over HTTP, each of one rule of `http_rules`.

What was not asked, since an earlier answer makes it idle, is unknown; so is what a server may
answer otherwise in a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tinycog.sources.http.server_answer import ServerAnswer, ServerFacts
from tinycog.validator.rule import Observation

OK, PARTIAL, CHANGED, UNSATISFIABLE = 200, 206, 412, 416

REDIRECTIONS = range(300, 400)

MEDIA_TYPE = "image/tiff"

EXPOSED = ("content-range", "etag")
"""Headers that a reader in a browser needs, and that browsers hide unless they are exposed."""

LOOPBACK = ("http://127.", "http://localhost", "http://[::1]")
"""Servers that browsers take for secure without TLS."""

Rows = Iterator[Observation]

Look = Callable[[ServerFacts, ServerAnswer], Rows]

Check = Callable[[ServerFacts], Iterable[Observation]]


def check_of(name: str, look: Look) -> Check:
    """Return a check of one answer: unknown without it, or if it is none that lasts."""

    def check(facts: ServerFacts) -> Rows:
        answer: ServerAnswer | None = getattr(facts, name)
        if answer is None:
            reason = (
                "the server gives no ranges" if _has_no_ranges(facts) else "the size is not told"
            )
            yield Observation(f"it was not asked, since {reason}", kind="unknown")
        elif answer.may_pass or not answer.status:
            yield Observation(f"it cannot be known: {answer.told}", kind="unknown")
        else:
            yield from look(facts, answer)

    return check


def _has_no_ranges(facts: ServerFacts) -> bool:
    return facts.first.status != PARTIAL


# --- ranges --------------------------------------------------------------------------------------


def is_partial(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """A range must be answered by 206."""
    if answer.status != PARTIAL:
        yield Observation(f"a range is answered by {answer.told}, expected 206")


def is_right(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """A 206 must hold what was asked, and say so."""
    if answer.mismatch and not _is_multipart(answer):
        yield Observation(answer.mismatch)


def gives_range(facts: ServerFacts, answer: ServerAnswer) -> Rows:
    """A range must be answered by 206, and by what was asked."""
    yield from is_partial(facts, answer)
    yield from is_right(facts, answer)
    yield from is_one_part(facts, answer)


def tells_size(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """Content-Range should tell how long the object is."""
    if answer.status == PARTIAL and not answer.mismatch and answer.size is None:
        yield Observation(f"the size is not told: {answer.shown('Content-Range')}")


def is_same_bytes(facts: ServerFacts, answer: ServerAnswer) -> Rows:
    """Two ranges that overlap must hold the same bytes there."""
    if answer.status != PARTIAL or answer.mismatch or answer.is_coded or facts.first.mismatch:
        return
    one = facts.first.body[facts.start :]
    length = min(len(one), len(answer.body))
    if one[:length] != answer.body[:length]:
        text = f"bytes {facts.start} to {facts.start + length} differ in two answers"
        yield Observation(text, facts.start)


def is_one_part(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """One range must not be answered by a multipart."""
    if answer.status == PARTIAL and _is_multipart(answer):
        yield Observation(f"one range is answered by {answer.shown('Content-Type')}")


def _is_multipart(answer: ServerAnswer) -> bool:
    return (answer.headers.get("Content-Type") or "").lower().startswith("multipart/")


def gives_suffix(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """A range from the end should be answered by the last bytes."""
    if answer.status != PARTIAL or answer.mismatch:
        text = answer.mismatch if answer.status == PARTIAL else answer.told
        yield Observation(f"the last bytes are asked for, and the answer is: {text}")


def refuses_beyond(facts: ServerFacts, answer: ServerAnswer) -> Rows:
    """A range behind the end should be answered by 416, with the size."""
    if answer.status != UNSATISFIABLE:
        yield Observation(f"a range behind the end is answered by {answer.told}, expected 416")
    elif answer.size != facts.size:
        text = f"the 416 of a range behind the end tells {answer.shown('Content-Range')}"
        yield Observation(f"{text}, expected bytes */{facts.size}")


def gives_several(facts: ServerFacts) -> Rows:
    """What comes of two ranges in one request; servers are free in it."""
    answer = facts.several
    if answer is None or (answer.status == PARTIAL and _is_multipart(answer)):
        return
    text = f"two ranges in one request are answered by {answer.told}"
    whole = ", the whole object" if answer.status == OK else ""
    yield Observation(f"{text}{whole}: ask for one at a time", kind="note")


def accepts_ranges(facts: ServerFacts, answer: ServerAnswer) -> Rows:
    """Accept-Ranges should say bytes; some clients read no ranges without."""
    told = answer.words("Accept-Ranges") | facts.first.words("Accept-Ranges")
    if "bytes" not in told:
        yield Observation(f"HEAD tells {answer.shown('Accept-Ranges')}, expected bytes")


def answers_head(facts: ServerFacts, answer: ServerAnswer) -> Rows:
    """HEAD should be answered by 200 and the length of the object."""
    if answer.status != OK:
        yield Observation(f"HEAD is answered by {answer.told}, expected 200")
    elif answer.size is None or facts.size not in (None, answer.size):
        text = f"HEAD tells {answer.shown('Content-Length')}, expected {facts.size}"
        yield Observation(text)


# --- generation ----------------------------------------------------------------------------------


def has_etag(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """An answer should name its generation by a strong ETag."""
    if answer.strong_etag is None:
        yield Observation(f"the answer has {answer.shown('ETag')}, expected a strong one")


def keeps_etag(facts: ServerFacts) -> Rows:
    """All answers must have the same ETag, or none."""
    asked = {"HEAD": facts.head, "another range": facts.second, "a suffix": facts.suffix}
    for name, answer in asked.items():
        if answer is None or answer.status not in (OK, PARTIAL):
            continue
        one, other = facts.first.headers.get("ETag"), answer.headers.get("ETag")
        if one != other and not answer.is_coded:
            text = f"the answer to {name} has {answer.shown('ETag')}"
            yield Observation(f"{text}, that to the first range {facts.first.shown('ETag')}")


def takes_condition(facts: ServerFacts) -> Rows:
    """A range on condition of another ETag should be refused by 412."""
    if facts.first.strong_etag is not None:  # of one without, `has_etag` tells
        yield from check_of("other", _refuses_other)(facts)


def _refuses_other(_: ServerFacts, answer: ServerAnswer) -> Rows:
    if answer.status != CHANGED:
        text = f"If-Match with the ETag of another object is answered by {answer.told}"
        yield Observation(f"{text}, expected 412")


def takes_own_etag(facts: ServerFacts, answer: ServerAnswer) -> Rows:
    """A range on condition of the object's own ETag must not be refused."""
    if facts.first.strong_etag is not None and answer.status not in (OK, PARTIAL):
        text = f"If-Match with the object's own ETag is answered by {answer.told}"
        yield Observation(f"{text}, expected 206")


# --- compression ---------------------------------------------------------------------------------


def is_plain(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """Bytes must not be compressed where that is not accepted."""
    if answer.is_coded:
        text = f"Accept-Encoding: identity is answered by {answer.shown('Content-Encoding')}"
        yield Observation(text)


def stays_plain(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """Ranges must not be compressed where that is accepted, as browsers do by themselves."""
    if answer.is_coded:
        text = f"Accept-Encoding: gzip is answered by {answer.told}"
        yield Observation(f"{text}, {answer.shown('Content-Encoding')}: ranges are of other bytes")


# --- browsers ------------------------------------------------------------------------------------


def _is_allowed(facts: ServerFacts, answer: ServerAnswer) -> bool:
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    return allowed in ("*", facts.origin)


def allows_origin(facts: ServerFacts, answer: ServerAnswer) -> Rows:
    """Pages of other servers must be allowed to read the answer."""
    if not _is_allowed(facts, answer):
        text = f"a page of {facts.origin} gets {answer.shown('Access-Control-Allow-Origin')}"
        yield Observation(f"{text}, expected *")


def allows_range(facts: ServerFacts, answer: ServerAnswer) -> Rows:
    """A preflight must allow the header Range."""
    is_fine = OK <= answer.status < REDIRECTIONS.start
    if not is_fine or answer.hops:
        where = ", after a redirect" if answer.hops else ""
        yield Observation(f"OPTIONS is answered by {answer.told}{where}, expected 200 or 204")
    elif not _is_allowed(facts, answer):
        text = f"OPTIONS tells {answer.shown('Access-Control-Allow-Origin')}"
        yield Observation(f"{text}, expected * (for a page of {facts.origin})")
    elif not answer.words("Access-Control-Allow-Headers") & {"range", "*"}:
        text = f"OPTIONS tells {answer.shown('Access-Control-Allow-Headers')}"
        yield Observation(f"{text}, expected Range")


def exposes_headers(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """Pages should be allowed to see Content-Range and ETag."""
    exposed = answer.words("Access-Control-Expose-Headers")
    lacking = [name for name in EXPOSED if name not in exposed and name in answer.headers]
    if lacking and "*" not in exposed:
        text = f"the answer has {answer.shown('Access-Control-Expose-Headers')}"
        yield Observation(f"{text}; pages cannot see {', '.join(lacking)}")


def is_secure(facts: ServerFacts) -> Rows:
    """The file should be had by https: a page of https may read nothing else."""
    for base in (facts.base, *facts.first.hops):
        if base.startswith("http:") and not base.startswith(LOOPBACK):
            yield Observation(f"{base} is not https: browsers let no page of https read from there")


def has_media_type(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """Content-Type should be that of TIFF; OGC wants application and profile named, too."""
    if _is_multipart(answer):
        return
    told = (answer.headers.get("Content-Type") or "").replace(" ", "").replace('"', "").lower()
    base, *parameters = told.split(";")
    if base != MEDIA_TYPE:
        yield Observation(f"the answer has {answer.shown('Content-Type')}, expected {MEDIA_TYPE}")
    elif not {"application=geotiff", "profile=cloud-optimized"} <= set(parameters):
        text = f"the answer has {answer.shown('Content-Type')}; OGC adds"
        yield Observation(f"{text} application=geotiff; profile=cloud-optimized", kind="literal")


# --- the way -------------------------------------------------------------------------------------


def is_direct(facts: ServerFacts) -> Rows:
    """The url should be that of the file, without redirects."""
    hops = facts.first.hops
    if hops:
        text = f"{len(hops)} redirects" if len(hops) > 1 else "a redirect"
        yield Observation(f"{text} from {facts.base} to {' and '.join(hops)}: a request each")


def keeps_connection(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """The connection should stay open for the next request."""
    if answer.keeps is False:
        yield Observation("the server closes the connection after each answer")


def may_be_cached(_: ServerFacts, answer: ServerAnswer) -> Rows:
    """Caches should be allowed to keep the answer, and be told how long."""
    told = answer.words("Cache-Control")
    if "no-store" in told:
        yield Observation(f"no cache may keep it: {answer.shown('Cache-Control')}")
    elif not told and "Expires" not in answer.headers:
        text = "neither Cache-Control nor Expires tells how long caches may keep it"
        yield Observation(text, kind="note")
