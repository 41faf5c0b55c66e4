"""The table for people, and the JSON for machines."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import rasterio

from .measure import Result, Row
from .processes import GEOTIFF_JS, geotiff_js_versions

OURS = "tinycog"
NOT_DONE = "\N{EN DASH}"


def table(rows: list[Row], peers: list[str]) -> str:
    """Markdown: milliseconds, and requests in brackets."""
    others = [name for name in peers if name != OURS]
    head = ["scenario", "what", "latency", "tinycog ms", "cpu ms", "requests", "MB", "waste"]
    head += [f"{name} ms (requests)" for name in others] + ["to best peer", ""]
    lines = [_line(head), _line(["---"] * len(head))]
    lines += [_line(_cells(row, others)) for row in rows]
    return "\n".join(lines)


def _cells(row: Row, others: list[str]) -> list[str]:
    ours = row.results.get(OURS, Result())
    cells = [row.case.scenario, row.case.title, f"{row.latency:g} ms"]
    cells += [_time(ours), *_cost(ours)]
    cells += [_brief(row.results[name]) if name in row.results else "" for name in others]
    ratio = ratio_to_best(row)
    mark = "" if ratio is None else _mark(ratio)
    if "plan" in ours.notes:  # opening and planning are in the time, which tells nothing
        cells[3:5], mark = ["", ""], ours.notes["plan"]
    return [*cells, "" if ratio is None else f"{ratio:.2f}", mark]


def _mark(ratio: float) -> str:
    """Less than 5 % is noise."""
    return "best" if ratio < 0.95 else "even" if ratio <= 1.05 else "slower"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _time(result: Result) -> str:
    if result.failed:
        return "wrong pixels" if result.failed.startswith("wrong") else NOT_DONE
    return "" if result.median is None else _ms(result.median)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}" if seconds < 0.1 else f"{1000 * seconds:.0f}"


def _cost(result: Result) -> list[str]:
    if result.traffic is None or result.cpu_median is None or result.waste is None:
        return [""] * 4
    traffic = result.traffic
    cells = [_ms(result.cpu_median), str(traffic.requests), f"{traffic.bytes / 1e6:.2f}"]
    return [*cells, f"{result.waste:.0%}"]


def _brief(result: Result) -> str:
    if result.traffic is None or result.failed:
        return _time(result)
    return f"{_time(result)} ({result.traffic.requests})"


def ratio_to_best(row: Row) -> float | None:
    """Our time as a share of the best of the others."""
    ours = row.results.get(OURS, Result()).median
    theirs = [r.median for name, r in row.results.items() if name != OURS and r.median]
    return ours / min(theirs) if ours and theirs else None


def cpu_table(rows: list[Row], peers: list[str]) -> str:
    """Processor time of the cold reads."""
    cells = [
        [f"{row.case.title}, {row.latency:g} ms", *(_cpu(row.results[name]) for name in peers)]
        for row in rows
        if row.case.scenario == "cold"
    ]
    return _side_table("processor time, ms", cells, peers)


def _cpu(result: Result) -> str:
    return NOT_DONE if result.cpu_median is None else _ms(result.cpu_median)


def memory_table(rows: list[Row], peers: list[str]) -> str:
    """How much memory each process grew by."""
    cells = [
        [row.case.title, *(_memory(row.results[name]) for name in peers)]
        for row in rows
        if any(result.memory is not None for result in row.results.values())
    ]
    return _side_table("growth of memory, MB", cells, peers)


def _memory(result: Result) -> str:
    return NOT_DONE if result.memory is None else f"{result.memory / 1e6:.1f}"


def _side_table(what: str, cells: list[list[str]], peers: list[str]) -> str:
    head = [what, *peers]
    return "\n".join(map(_line, [head, ["---"] * len(head), *cells])) if cells else ""


def failures(rows: list[Row]) -> str:
    """Who could not do what, and why; once for all latencies."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for name, result in row.results.items():
            if result.failed:
                titles = found.setdefault((name, result.failed), [])
                titles += [row.case.title] if row.case.title not in titles else []
    return "\n".join(
        f"- {name}: {why} ({'; '.join(titles)})" for (name, why), titles in found.items()
    )


def versions(peers: list[str]) -> dict[str, str]:
    """Of everything that takes part."""
    names = ["tinycog", "numpy", "aiohttp", "imagecodecs", "numcodecs", "rasterio", "async-tiff"]
    names += ["async-geotiff", "obstore", "tifffile", "fsspec", "uvloop"]
    found = {"python": platform.python_version(), "gdal": rasterio.__gdal_version__}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | (geotiff_js_versions() if GEOTIFF_JS in peers else {})


def as_json(rows: list[Row], peers: list[str], settings: dict[str, Any]) -> dict[str, Any]:
    """Everything that was measured; seconds and bytes."""
    return {
        "versions": versions(peers),
        "machine": {"cpus": os.cpu_count(), "system": platform.system()},
        "settings": settings,
        "rows": [_row_as_json(row) for row in rows],
    }


def _row_as_json(row: Row) -> dict[str, Any]:
    return {
        "scenario": row.case.scenario,
        "what": row.case.title,
        "latency_ms": row.latency,
        "ratio_to_best_peer": ratio_to_best(row),
        "peers": {name: _result_as_json(result) for name, result in row.results.items()},
    }


def _result_as_json(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = {"seconds": result.median, "cpu_seconds": result.cpu_median}
    found |= {"all_seconds": result.seconds, "waste": result.waste, "memory": result.memory}
    if result.traffic is not None:
        traffic = result.traffic
        found |= {"requests": traffic.requests, "bytes": traffic.bytes}
        found["connections"] = traffic.connections
    if result.failed:
        found["failed"] = result.failed
    return found | result.notes
