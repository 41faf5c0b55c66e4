"""Scenes of one grid as a stack, a pixel of each, and a mosaic: against libraries that do the same.

    python benchmarks/many_files.py --python /venv/with/peers/bin/python
    python benchmarks/many_files.py --scenes 20 --rounds 3 --peers tinycog,odc-stac

All read the same scenes, at urls that nobody has seen, of one range server in a process of its own,
each library in one of its own, in random order within a round; a ratio is the median of the ratios
within each round. Pixels are compared with what was written, after the clock has stopped. A library
that is not there, or fails, is left out with the reason. "bare" is the floor: aiohttp that GETs the
same bytes, and libdeflate.

(A script named `collections.py` would stand in the way of the standard library's module.)
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from reading.processes import PeerError, PeerProcess, ServerProcess

import tinycog

HERE = Path(__file__).resolve().parent
CRS, RES, SIDE, TILE = "EPSG:32632", 10, 1024, 256
ORIGIN = (500_000, 5_000_000)
ACROSS = 4
"""Scenes in a row of the mosaic."""

# with an index headers were read before; peers read them each time, whatever their index tells
OWN = ("tinycog", "tinycog, stack", "tinycog, index", "tinycog, index, stack")
FLOOR = ("bare", "bare, index")
ALL = (*OWN, *FLOOR, "rioxarray", "odc-stac", "stackstac", "lazycogs")

Job = dict[str, Any]
Pixels = np.ndarray[Any, Any]


def scene(number: int, case: str) -> tuple[str, tuple[float, float]]:
    """Return the file of a scene and its upper left corner."""
    if case != "mosaic":
        return f"time-{number}.tif", ORIGIN
    row, col = divmod(number, ACROSS)
    return f"part-{number}.tif", (ORIGIN[0] + col * SIDE * RES, ORIGIN[1] - row * SIDE * RES)


async def make_files(folder: Path, counts: dict[str, int]) -> dict[str, list[Pixels]]:
    """Write the scenes, and return their pixels."""
    rng = np.random.default_rng(1)
    found: dict[str, list[Pixels]] = {}
    for case in ("stack", "mosaic"):
        found[case] = []
        for number in range(counts[case]):
            name, (left, top) = scene(number, case)
            noise = rng.integers(1, 4000, (1, SIDE // 8, SIDE // 8)).repeat(8, 1).repeat(8, 2)
            pixels = (noise + rng.integers(0, 64, (1, SIDE, SIDE))).astype(np.uint16)
            transform = (RES, 0, left, 0, -RES, top)
            await tinycog.write(
                folder / name, pixels, crs=CRS, transform=transform, nodata=0, blocksize=TILE
            )
            found[case].append(pixels[0])
    return found


def item(number: int, case: str, base: str) -> dict[str, Any]:
    """Return the STAC item of a scene, with all that libraries look for."""
    name, (left, top) = scene(number, case)
    right, bottom = left + SIDE * RES, top - SIDE * RES
    west, south, east, north = degrees((left, bottom, right, top))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    day = 1 if case == "mosaic" else 1 + number
    month, date = divmod(day - 1, 28)
    bands = [{"nodata": 0, "data_type": "uint16", "spatial_resolution": RES}]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
        ],
        "id": f"{case}-{number}",
        "collection": case,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, east, north],
        "properties": {
            "datetime": f"2024-{month + 1:02}-{date + 1:02}T10:00:00Z",
            "proj:epsg": int(CRS.partition(":")[2]),
        },
        "links": [],
        "assets": {
            "data": {
                "href": f"{base}/{name}",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "roles": ["data"],
                "proj:shape": [SIDE, SIDE],
                "proj:transform": [RES, 0, left, 0, -RES, top, 0, 0, 1],
                "raster:bands": bands,
            }
        },
    }


def degrees(bounds: tuple[float, float, float, float]) -> tuple[float, ...]:
    """Return bounds in longitudes and latitudes."""
    import pyproj  # noqa: PLC0415 - peers need it, too

    return pyproj.Transformer.from_crs(CRS, 4326, always_xy=True).transform_bounds(*bounds)


def jobs(pixels: dict[str, list[Pixels]]) -> dict[str, tuple[Any, Pixels]]:
    """Return the bounds of each case, and the pixels that belong there."""
    left, top = ORIGIN

    def bounds(col: int, row: int, width: int, height: int) -> list[float]:
        x, y = left + col * RES, top - row * RES
        return [x, y - height * RES, x + width * RES, y]

    rows = [np.concatenate(pixels["mosaic"][i : i + ACROSS], 1) for i in range(0, 16, ACROSS)]
    whole = np.concatenate(rows)
    stack = np.stack(pixels["stack"])
    part = np.s_[256:768, 200:712]
    return {
        "stack": (bounds(200, 256, 512, 512), stack[:, part[0], part[1]]),
        "pixel": (bounds(300, 300, 1, 1), stack[:, 300:301, 300:301]),
        "mosaic": (bounds(700, 800, 2000, 1800), whole[None, 800:2600, 700:2700]),
    }


class Run:
    """All measurements of one run."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        """Write the scenes; start the server and the libraries."""
        self.counts = {"stack": args.scenes, "pixel": args.scenes, "mosaic": ACROSS**2}
        pixels = asyncio.run(make_files(folder, self.counts))
        self.cases = jobs(pixels)
        self.folder, self.rounds = folder, args.rounds
        self.server = ServerProcess(folder)
        self.server.link(args.latency, 0)
        environment = {"PYTHONPATH": os.pathsep.join([str(HERE.parent / "src")])}
        worker = str(HERE / "many_files_worker.py")
        self.peers = {
            name: PeerProcess([args.python, worker, name], environment)
            for name in args.peers.split(";")
        }
        self.rows: dict[str, dict[str, list[dict[str, float]]]] = {}
        self.failed: dict[str, str] = {}

    def measure(self) -> None:
        """Measure all cases; the first round does not count."""
        order = random.Random(1)  # noqa: S311 - an order
        for case in self.cases:
            self.rows[case] = {}
            for turn in range(self.rounds + 1):
                for name in order.sample(list(self.peers), len(self.peers)):
                    if f"{case}: {name}" not in self.failed:
                        self._one(case, turn, name)

    def _one(self, case: str, turn: int, name: str) -> None:
        bounds, expected = self.cases[case]
        base = self.server.base(f"{case}-{turn}-{list(self.peers).index(name)}")
        kind = "mosaic" if case == "mosaic" else "stack"
        items = [item(n, kind, f"{base}/{n}") for n in range(self.counts[case])]
        save = str(self.folder / "found.npy")
        job: Job = {"case": kind, "items": items, "bounds": bounds, "crs": CRS, "res": RES}
        job |= {"save": save, "groupby": "day" if kind == "mosaic" else None}
        try:
            self.peers[name].ask({**job, "step": "prepare"})
            self.server.clear()
            reply = self.peers[name].ask({**job, "step": "read"})
        except PeerError as exc:
            self.failed[f"{case}: {name}"] = str(exc)
            return
        found, traffic = np.load(save), self.server.traffic()
        found = found.reshape(found.shape[-3:])
        if found.shape != expected.shape or not np.array_equal(found, expected):
            shape = "" if found.shape == expected.shape else f", {found.shape}"
            self.failed[f"{case}: {name}"] = f"other pixels than were written{shape}"
            return
        if turn:
            facts = {"requests": traffic.requests, "bytes": traffic.bytes}
            facts["connections"] = traffic.connections
            self.rows[case].setdefault(name, []).append({**reply, **facts})

    def close(self) -> None:
        """End the processes."""
        for peer in self.peers.values():
            peer.close()
        self.server.close()


def table(run: Run) -> list[dict[str, Any]]:
    """Print the figures, and return them."""
    found: list[dict[str, Any]] = []
    for case, rows in run.rows.items():
        peers = [name for name in rows if name not in (*OWN, *FLOOR)]
        print(f"\n{case}, {run.counts[case]} files")
        for name, figures in rows.items():
            if name in (*OWN, *FLOOR) and peers:
                ratios = [
                    one["seconds"] / min(rows[peer][turn]["seconds"] for peer in peers)
                    for turn, one in enumerate(figures)
                ]
                ratio: float | None = statistics.median(ratios)
            else:
                ratio = None
            row = {
                "case": case,
                "library": name,
                "seconds": statistics.median(one["seconds"] for one in figures),
                "cpu_seconds": statistics.median(one["cpu_seconds"] for one in figures),
                "requests": max(one["requests"] for one in figures),
                "bytes": max(one["bytes"] for one in figures),
                "ratio_to_best_peer": ratio,
                "all_seconds": [one["seconds"] for one in figures],
            }
            found.append(row)
            shown = "" if ratio is None else f", {ratio:.2f} of the best peer"
            print(
                f"  {name:15} {row['seconds']:7.3f} s, CPU {row['cpu_seconds']:6.3f} s,"
                f" {row['requests']:5} requests, {row['bytes'] / 1e6:6.1f} MB{shown}"
            )
    for what, why in run.failed.items():
        print(f"  left out: {what}: {why}")
    return found


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--latency", type=float, default=20, help="milliseconds")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--peers", default=";".join(ALL), help="names, by semicolons")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    load = os.getloadavg()
    print(f"{os.cpu_count()} cores, load {load[0]:.1f}, {args.latency:g} ms away")
    with tempfile.TemporaryDirectory() as name:
        run = Run(args, Path(name))
        try:
            run.measure()
            rows = table(run)
        finally:
            run.close()
    after = os.getloadavg()
    print(f"load {after[0]:.1f} afterwards")
    if args.json is not None:
        settings = {"scenes": args.scenes, "rounds": args.rounds, "latency_ms": args.latency}
        facts = {
            "settings": settings,
            "load": [load[0], after[0]],
            "cpus": os.cpu_count(),
            "left_out": run.failed,
            "rows": rows,
        }
        args.json.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
