"""HTTP ranges: closed ranges, GET only, every response checked; other requests by `probe` alone.

::

    source.py           the source of a url
    fast_path.py        one request without a task, on an idle connection
    options.py          `Http`: what a caller wants
    routes.py           how a url is requested, as the caller wants it
    proxies.py          through which proxy
    netrc_file.py, cookie_jar.py   logins by host, cookies of a handle
    client.py           the requests of a url: credentials, redirects, refused conditions
    loop_connections.py          what an event loop has open
    pool.py             idle connections, by server
    dial.py, tls.py     new connections: names, addresses, TLS contexts
    connections.py      one connection and its states
    by_aiohttp.py       what is not plain HTTP/1.1, by aiohttp's public API
    callers_session.py  an aiohttp session of the caller's
    http1.py            HTTP/1.1 as written: heads, bodies
    urls.py, header_fields.py  urls and header fields
    response_handler.py what is made of a response: which body takes it, or which error it is
    response.py         checks of a response: status, range, generation
    bodies.py           bodies that are no plain part: whole objects, refusals
    probe.py            requests that look at a server; server_answer.py what it answered
    redirects.py        what may cross an origin
    credentials.py      url and headers that a caller gives, or refreshes
    deadline.py         read timeout and total time of a request
    errors.py           what goes wrong on a connection
    asyncio_private.py  the one private name that is used
"""
