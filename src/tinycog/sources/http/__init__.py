"""HTTP ranges: closed ranges, GET only, every answer checked.

::

    source.py         the source of a url; loads the rest at the first request
    client.py         one request: credentials, redirects, the answer checked and received
    fast_path.py      the same without a task, on an idle connection of the pool
    connections.py    connection pool: HTTP/1.1 on connections that aiohttp opened
    session.py        one aiohttp session and one pool for each event loop
    guard.py          aiohttp's connection with bounds
    http1.py          HTTP/1.1 as written: request head out, response head in
    response.py       checks of a response: status, range, generation
    redirects.py      what may cross an origin
    credentials.py    headers that a caller gives, or refreshes
    deadline.py       read timeout and total time of a request
"""
