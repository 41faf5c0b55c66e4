"""Services whose methods block; imported when they are first used."""

from __future__ import annotations

import tinycog
from tinycog.sync.blocking import Blocking, Closing


class Service(Closing, Blocking, of=tinycog.Service, omit=["aclose"]):
    """An image that a service gives in parts: `tinycog.Service`, blocking.

    It is made of one: `tinycog.sync.Service(tinycog.Service(get, ...))`, whose function is async.
    """

    asynchronous: tinycog.Service
