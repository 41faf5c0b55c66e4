"""A page with a map of files, and what it is made of: `tinycog serve`, and `viewer_app` for others.

::

    from aiohttp import web
    from tinycog.viewer import viewer_app

    web.run_app(viewer_app("image.tif"), host="127.0.0.1", port=8080)

An `aiohttp.web.Application`: served by itself, or as a part of another (`add_subapp`). It reads
only, and only what it was given. docs/viewer.md lists its urls::

    application.py   viewer_app: routes, and what all requests share
    serve.py         serve: the application on a port, until it is stopped
    protection.py    which hosts, origins and methods are answered; errors as JSON; how many at once
    given.py         what was given: a file, a folder, an index
    folder.py        TIFFs in a folder, and none outside of it
    viewed_file.py   one file that is open, and what was worked out about it
    facts.py         what the page shows of a file, as JSON
    spreads.py       how the values of a band are spread: percentiles, from the smallest overview
    look.py          bands, stretch, colormap and level, as the query of a url says them
    colormaps.py     colours by name
    pictures.py      pixels and a look to RGBA, and to PNG
    tile_blocks.py   tiles of a map side by side, and what reads them at once
    together.py      all files of a folder or an index on one map
    places.py        pixels under the pointer, outlines of stored tiles
    traffic.py       what was requested, and where in the file it lies
    handlers.py      a function for each url of a file
    listings.py      those of the list of files, footprints, all files together
    assets.py        page, scripts, styles
"""

from tinycog.viewer.application import viewer_app
from tinycog.viewer.serve import serve

__all__ = ["serve", "viewer_app"]
