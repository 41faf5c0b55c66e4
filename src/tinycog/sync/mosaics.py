"""Mosaics whose methods block; imported when they are first used."""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps
from typing import Any

import tinycog
from tinycog.sync.blocking import Blocking, Closing, blocking
from tinycog.tracebacks import short_tracebacks


class Mosaic(Closing, Blocking, of=tinycog.Mosaic, omit=["aclose"]):
    """Many files as one image, made by `tinycog.sync.mosaic`: `tinycog.Mosaic`, blocking."""

    asynchronous: tinycog.Mosaic


@short_tracebacks
@wraps(tinycog.mosaic)
def mosaic(files: Iterable[object], **options: object) -> Mosaic:  # noqa: D103 - as of `tinycog`
    make: Any = tinycog.mosaic
    plain = [one.asynchronous if isinstance(one, Blocking) else one for one in files]
    return blocking(make(plain, **options))
