"""Stacks whose methods block; imported with collections, which make them."""

from __future__ import annotations

import tinycog
from tinycog.sync.blocking import Blocking, Closing


class Stack(Closing, Blocking, of=tinycog.Stack, omit=["aclose"]):
    """Images of many files, step by step in time: `tinycog.Stack`, blocking."""

    asynchronous: tinycog.Stack
