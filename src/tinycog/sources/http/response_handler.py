"""What is made of a response: what takes its body, or which error it is. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from tinycog.errors import RangeNotSatisfiableError
from tinycog.limits import Limits
from tinycog.sources.condition import REFUSED, Condition
from tinycog.sources.http.bodies import ErrorBody, UnframedPart, UnsizedObject, WholeObject
from tinycog.sources.http.connections import Body
from tinycog.sources.http.errors import ConditionRefusedError, RedirectError
from tinycog.sources.http.http1 import ResponseHead
from tinycog.sources.http.redirects import PERMANENT, REDIRECTS
from tinycog.sources.http.response import (
    check_identity,
    generation,
    ignored_range,
    is_identity,
    page_instead,
    refusal,
    sent_range,
    validators,
    wrong_length,
)
from tinycog.sources.protocol import NO_VALIDATORS, RangeSink
from tinycog.tiff.ranges import ByteRange

OK, BAD_REQUEST, PRECONDITION_FAILED = 200, 400, 412

PARTS = (206, 226)
"""Statuses of an answer that is the range: Partial Content, and IM Used, as some caches say."""

PAGE = "text/html"


class ResponseHandler:
    """Checks the responses of one url, and what they have in common.

    Attributes:
        condition: whether requests are made with If-Match.
        keeps_whole: whether an object that comes whole is kept now: one at a time.
    """

    def __init__(
        self, name: str, limits: Limits, secrets: Callable[[], Iterable[str]] = tuple
    ) -> None:
        """Know nothing yet.

        Args:
            name: the url as it may be shown.
            limits: what is taken of a server.
            secrets: returns what is not shown of its words.
        """
        self._secrets = secrets
        self.condition = Condition()
        self.keeps_whole = True
        self._name = name
        self._limits = limits
        self._is_page: bool | None = None

    def check(
        self, part: ByteRange, sink: RangeSink, head: ResponseHead, *, is_conditional: bool = True
    ) -> Body | None:
        """Check a head before its body comes; return what takes that, or None: the sink.

        Args:
            part: the range that was requested.
            sink: takes the head.
            head: that of the response.
            is_conditional: whether it was requested with If-Match, if the sink requires an ETag.

        Raises:
            SourceError: the response is a refusal, or not what was requested.
            RedirectError: it is a redirect.
            ConditionRefusedError: it may be that of If-Match alone.
        """
        if head.status in PARTS:
            return self._check_part(part, sink, head, is_conditional=is_conditional)
        if head.status == OK and self._may_take_whole(head):
            begin = partial(self._begin_whole, part, sink, head, is_conditional=is_conditional)
            return (
                self._unsized(part, sink, head, begin)
                if head.length is None
                else begin(head.length)
            )
        location = head.headers.get("Location")
        if head.status in REDIRECTS and location is not None:
            is_permanent = head.status in PERMANENT and "Cache-Control" not in head.headers
            raise RedirectError(location, is_permanent=is_permanent)
        if is_conditional and head.status in REFUSED:
            self._check_condition(sink, head)
        return self._refuse(part, head)

    def _check_part(
        self, part: ByteRange, sink: RangeSink, head: ResponseHead, *, is_conditional: bool
    ) -> Body | None:
        """Check the head of a 206, and pass it on."""
        check_identity(self._name, part, head.headers)
        sent, size = sent_range(self._name, part, head.headers)
        if head.length is not None and head.length != sent.length:
            raise wrong_length(self._name, part, f"{head.length}", sent.length)
        self._begin(part, sink, head, size, is_conditional=is_conditional)
        if head.length is not None:
            return None
        return UnframedPart(self._name, part, sink, sent.length)

    def _begin_whole(
        self,
        part: ByteRange,
        sink: RangeSink,
        head: ResponseHead,
        size: int,
        *,
        is_conditional: bool,
    ) -> WholeObject:
        """Check the head of a 200 that is short enough, and pass it on (http.status.whole)."""
        self._begin(part, sink, head, size, is_conditional=is_conditional)
        if size and part.start >= size:
            message = f"the range lies outside the object of {size} bytes"
            error = RangeNotSatisfiableError(message, url=self._name, range=part)
            error.size = size
            raise error
        return WholeObject(self, part, sink, size)

    def _unsized(
        self,
        part: ByteRange,
        sink: RangeSink,
        head: ResponseHead,
        begin: Callable[[int], WholeObject],
    ) -> Body:
        """Return what takes a 200 of which only its end tells how long it is."""
        self._check_page(part, head)
        make_error = partial(ignored_range, self._name, part, head, self._limits)
        return UnsizedObject(self, sink, self._limits.whole_bytes, begin, make_error)

    def _may_take_whole(self, head: ResponseHead) -> bool:
        """Return whether the whole object may be short enough (http.status.whole)."""
        most = self._limits.whole_bytes
        is_short = most > 0 and self.keeps_whole if head.length is None else head.length <= most
        return (is_short or head.length == 0) and is_identity(head.headers)

    def _begin(
        self,
        part: ByteRange,
        sink: RangeSink,
        head: ResponseHead,
        size: int | None,
        *,
        is_conditional: bool,
    ) -> None:
        """Pass size and generation on (http.pin), unless a page came instead (http.page)."""
        headers = head.headers
        is_page = _is_page(head)
        if is_page and self._is_page is False:
            raise page_instead(self._name, part, head)
        found = generation(headers)
        if not is_conditional:  # refused before: the very same ETag alone shows that it is odd
            sink.begin(size, found)
            self.condition.is_understood = False
        elif self._is_page is not None and (found == sink.generation or sink.pinning != "strict"):
            sink.begin(size, found)
        else:
            sink.begin(size, found, validators(headers) or NO_VALIDATORS)
        if self._is_page is None:
            self._is_page = is_page

    def _check_condition(self, sink: RangeSink, head: ResponseHead) -> None:
        """Check whether a response refuses If-Match, as far as it tells (http.pin.match).

        Raises:
            ConditionRefusedError: it may.
            SourceChangedError: it does, and names the ETag of the object.
        """
        etag, found = self.condition.etag(sink.generation), head.headers.get("ETag")
        if etag is None:
            return
        is_other = found is not None and found.removeprefix("W/") != etag
        if head.status == PRECONDITION_FAILED and is_other:
            sink.begin(None, generation(head.headers))
        raise ConditionRefusedError

    def _check_page(self, part: ByteRange, head: ResponseHead) -> None:
        """Check that a response is no HTML page, unless the first one was (http.page).

        Raises:
            SourceChangedError: it is.
        """
        if self._is_page is False and _is_page(head):
            raise page_instead(self._name, part, head)

    def _refuse(self, part: ByteRange, head: ResponseHead) -> Body:
        """Return what takes the body of a refusal if that may say why.

        Raises:
            SourceError: the refusal, where its body does not matter.
        """
        if head.status == OK:
            self._check_page(part, head)
            raise ignored_range(self._name, part, head, self._limits)
        told = self._name, part, head.status, head.reason, head.headers
        make_error = partial(refusal, *told, secrets=self._secrets())
        error = make_error()
        if error.may_pass or head.status < BAD_REQUEST:
            raise error
        return ErrorBody(make_error, decides=head.status == BAD_REQUEST)


def _is_page(head: ResponseHead) -> bool:
    return (head.headers.get("Content-Type") or "")[: len(PAGE)].lower() == PAGE
