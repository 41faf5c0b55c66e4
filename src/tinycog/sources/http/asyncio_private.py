"""The one private name of asyncio that is used: to close a transport whose loop was closed.

A loop may be closed while connections are open, without `loop.shutdown_asyncgens`. No public
method closes them then: `abort` schedules a callback, and the loop takes none any more. Where the
name is missing the transport is left to the garbage collector, which warns of it: nothing breaks.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

NAME = "_call_connection_lost"
"""What asyncio's own transports call last: it closes the socket."""


def abandon_transport(transport: asyncio.BaseTransport) -> None:
    """Close the socket of a transport whose event loop is closed."""
    with suppress(Exception):
        getattr(transport, NAME)(None)
