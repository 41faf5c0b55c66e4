"""Ranges to bytes: cached bytes are not requested again; the rest is planned, shared and logged.

::

    fetcher.py           ranges of one source, for parsers and for readers
    ledger.py            what the responses of a handle say of its object, and the log of requests
    coalesce.py          ranges to requests, by cost; plan.py the plan shown to users
    scheduler.py         queued ranges of one handle on one event loop, to requests
    range_request.py     what a reader waits for, and where its bytes go
    in_flight.py         one request in flight, which serves several of them as bytes arrive
    attempt.py           one attempt of it, with a clock, for the log
    retry.py             which failures are retried, and after which backoff
    circuit_breaker.py   one probe while a server only fails
    concurrency.py       slots, bytes in flight and measured rates of a server
    throttle.py          its pace after a 429 or 503
    pin.py               which generation of the object is read
    cached_object.py     what a cache holds of the object, asked before requests are sent
    cache_io.py          reads and writes of a cache, in threads
    single_flight.py     work done once, side by side, or at once
    claims.py            ranges that one event loop fetches for all
"""
