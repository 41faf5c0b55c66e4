"""Windows through every library that is installed; `make doors` reads more, and from stores."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from conftest import fixture_path

for package in ("dask", "obstore", "rio_tiler", "rioxarray", "virtualizarr", "xarray", "zarr"):
    pytest.importorskip(package, reason=f"the extra ecosystem is not installed: no {package}")

from doors.doors import DOORS, Served  # noqa: E402 - where its libraries are there
from doors.run import visit  # noqa: E402

from tinycog.testing import serve_in_thread  # noqa: E402

STORES = {"s3", "azure"}
NAMES = ["cog-metadata", "cog-alpha-rgba", "tiled-planar-10-bands", "tiled-be-cint16-p2"]


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rioxarray's
@pytest.mark.parametrize("name", NAMES)
async def test_every_door_leads_to_the_same_pixels_masks_and_places(name, capsys):
    path = fixture_path(name)
    doors = [door for door in DOORS if door not in STORES]
    tally: Any = {door: Counter() for door in ("GDAL", *doors)}
    tally |= {(door, "why"): Counter() for door in doors}
    with serve_in_thread({path.name: path}) as server:
        await visit(Served(path, server.url(path.name)), doors, 3, 7, tally)
    assert capsys.readouterr().out == ""
    assert not any(tally[door]["differs"] + tally[door]["failed"] for door in ("GDAL", *doors))
    assert all(tally[door]["windows"] == 3 for door in doors if not tally[door]["refused"])
