"""Tools for tests of code that reads TIFFs: files made to order, a server, a suite for sources.

`make_tiff` writes a file byte by byte, right or (`flaws`) wrong; `RangeServer` serves it over
ranges, keeps a log, and fails as scripted::

    import asyncio
    import numpy as np
    import tinycog
    from tinycog.errors import AccessDeniedError
    from tinycog.testing import Fault, RangeServer, make_pyramid, make_tiff

    async def main():
        pixels = np.arange(200 * 300, dtype=np.uint16).reshape(1, 200, 300)
        data = make_tiff(make_pyramid(pixels, tile=(64, 64)), byte_order="<", big=True)
        async with RangeServer({"a.tif": data}, latency=0.01) as server:
            cog = tinycog.open(server.url("a.tif"))
            raster = await cog.read_tile(0, 1, 1)
            assert (raster.data == pixels[:, 64:128, 64:128]).all()
            for line in server.log:
                print(line.start, line.stop, line.status, line.sent)
            server.script(Fault.status(403))
            try:
                await cog.read_tile(0, 2, 1)
            except AccessDeniedError as error:
                print(error)

    asyncio.run(main())

`serve_in_thread` runs a server for callers that block, `python -m tinycog.testing.server DIR` one
in a process of its own. `HugeTiff` is a file of any size that takes no space. `SourceSuite` is the
test suite of a source of your own. All ranges are bytes, half-open.
"""

from tinycog.testing import flaws
from tinycog.testing.huge import HugeTiff
from tinycog.testing.images import make_image, make_pyramid
from tinycog.testing.server import (
    Fault,
    Logged,
    RangeServer,
    Servable,
    VirtualFile,
    serve_in_thread,
)
from tinycog.testing.source_suite import RangeRecorder, SourceSuite
from tinycog.tiff.layout import Directory, Field, Layout, Places, make_tiff

__all__ = [
    "Directory",
    "Fault",
    "Field",
    "HugeTiff",
    "Layout",
    "Logged",
    "Places",
    "RangeRecorder",
    "RangeServer",
    "Servable",
    "SourceSuite",
    "VirtualFile",
    "flaws",
    "make_image",
    "make_pyramid",
    "make_tiff",
    "serve_in_thread",
]
