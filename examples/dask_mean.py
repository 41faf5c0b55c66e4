"""The mean of a large area by dask: chunks are read side by side, a request for a row of tiles.

    python examples/dask_mean.py [URL]

Without a url, a COG of 4,096 x 4,096 pixels is made, and served on this machine. It needs the extra
`xarray`; a `distributed.Client()` made before would spread the reads over processes.
"""

from __future__ import annotations

import sys

import numpy as np
import xarray as xr

from tinycog.testing import make_pyramid, make_tiff, serve_in_thread

SIZE = 4096


def make_cog() -> bytes:
    """Make a COG of one band: a ramp from west to east, with overviews."""
    ramp = np.arange(SIZE, dtype=np.uint16)
    pixels = np.broadcast_to(ramp, (1, SIZE, SIZE))
    return make_tiff(make_pyramid(pixels, (2, 4, 8), tile=(512, 512), compression=8))


def mean(url: str) -> float:
    """Return the mean of the eastern half."""
    with xr.open_dataset(url, engine="tinycog", chunks={}) as image:
        east = image.band_data.isel(x=slice(image.sizes["x"] // 2, None))
        print(f"{east.sizes} in {east.data.npartitions} chunks of {east.data.chunksize}")
        return float(east.mean().compute())


def main() -> None:
    """Print the mean, and what it cost."""
    if sys.argv[1:]:
        print("mean", mean(sys.argv[1]))
        return
    with serve_in_thread({"cog.tif": make_cog()}) as server:
        print("mean", mean(server.url("cog.tif")))
        print(f"{len(server.log)} requests, {sum(line.sent for line in server.log)} bytes")


if __name__ == "__main__":
    main()
