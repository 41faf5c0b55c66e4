"""Rounds: each peer reads each case from a url that nobody has seen, in random order."""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .processes import PeerError, PeerProcess, ServerProcess, Traffic, start_peer
from .scenarios import Case
from .truth import Truth

SLOW = 1.0
"""A peer that takes longer than so many seconds is measured once a latency."""
HEADER = 32768
SMALL = Case("", "", ("many-0",), "tile", 1, [(0, 0)])


@dataclass
class Result:
    """What one peer did in one case at one latency."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    traffic: Traffic | None = None
    waste: float | None = None
    memory: int | None = None
    failed: str | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float | None:
        """Median seconds, if it could do it."""
        return None if self.failed or not self.seconds else statistics.median(self.seconds)

    @property
    def cpu_median(self) -> float | None:
        """Median seconds of processor time."""
        return None if self.failed or not self.cpu else statistics.median(self.cpu)


@dataclass
class Row:
    """One case at one latency."""

    case: Case
    latency: float
    results: dict[str, Result]

    def anew(self, latency: float) -> Row:
        """The same without times; who has failed need not try again."""
        results = {name: Result(failed=old.failed) for name, old in self.results.items()}
        return Row(self.case, latency, results)


class Bench:
    """The server, the peers, and what is known to be right."""

    def __init__(
        self, root: Path, scratch: Path, peers: list[str], *, loop: str, bandwidth: float
    ) -> None:
        """Start all processes."""
        self.server = ServerProcess(root)
        self.truth = Truth(root)
        self._dump = scratch / "pixels"
        self._loop, self._bandwidth = loop, bandwidth
        self._urls = count()
        self.peers = {name: start_peer(name, loop) for name in peers}

    def close(self) -> None:
        """End all processes."""
        for peer in self.peers.values():
            peer.close()
        self.server.close()
        self._dump.unlink(missing_ok=True)

    def measure(self, case: Case, latencies: list[float], rounds: int) -> list[Row]:
        """A row for each latency; before the first comes a round that does not count."""
        names = [name for name in self.peers if case.only in (None, name)]
        warm_up = Row(case, latencies[0], {name: Result() for name in names})
        self._rounds(warm_up, 1)
        rows = [warm_up.anew(latency) for latency in latencies]
        for row in rows:
            self._rounds(row, rounds)
        if case.memory:
            for name, result in rows[0].results.items():
                self._memory(name, case, result)
        return rows

    def _rounds(self, row: Row, rounds: int) -> None:
        self.server.link(row.latency, self._bandwidth)
        for _ in range(rounds):
            for name in random.sample(sorted(row.results), len(row.results)):
                result = row.results[name]
                if not result.failed and max(result.seconds, default=0) < SLOW:
                    self._once(self.peers[name], row.case, result)

    def _job(self, case: Case) -> dict[str, Any]:
        base = self.server.base(f"r{next(self._urls)}")
        if case.op == "many":
            urls = [f"{base}/{i}/{name}.tif" for i, name in enumerate(case.files)]
        else:
            urls = [f"{base}/{case.files[0]}.tif"]
        return {
            "op": case.op,
            "urls": urls,
            "level": case.level,
            "tiles": case.tiles,
            "window": case.window,
            "concurrency": case.concurrency,
            "dump": str(self._dump),
        }

    def _once(self, peer: PeerProcess, case: Case, result: Result) -> None:
        """Have it read once; pixels are compared before the time counts."""
        self.server.clear()
        try:
            reply = peer.ask(self._job(case))
        except PeerError as exc:
            result.failed = str(exc)
            return
        traffic = self.server.traffic()
        wrong = self.truth.differs(case, load_arrays(self._dump, reply["arrays"]))
        if wrong:
            result.failed = f"wrong pixels: {wrong}"
            return
        result.seconds.append(reply["seconds"])
        result.cpu.append(reply["cpu"])
        result.traffic = traffic
        wanted = self.truth.wanted(case)
        header = 0 if case.op == "plan" else HEADER * len(case.files)
        result.waste = max(traffic.bytes - header - wanted, 0) / wanted
        if "plan" in reply:
            result.notes = check_plan(reply, traffic)

    def try_out(self, name: str) -> str | None:
        """Have a peer read a small file; gives the reason if it cannot."""
        result = Result()
        self._once(self.peers[name], SMALL, result)
        return result.failed

    def _memory(self, name: str, case: Case, result: Result) -> None:
        """How much a process grows that has read a small file before."""
        if result.failed or not Path("/proc/self/clear_refs").exists():
            return
        peer = start_peer(name, self._loop)
        try:
            peer.ask(self._job(SMALL))
            before = peer.reset_peak()
            peer.ask(self._job(case))
            result.memory = max(peer.peak() - before, 0)
        except PeerError as exc:
            result.notes["memory"] = str(exc)
        finally:
            peer.close()


def check_plan(reply: dict[str, Any], traffic: Traffic) -> dict[str, Any]:
    """Whether the plan told what the server saw."""
    planned = sorted((start, stop) for start, stop in reply["plan"])
    same = planned == sorted(traffic.ranges) and reply["plan_bytes"] == traffic.bytes
    return {"plan": "as planned" if same else "not as planned", "waste": reply["plan_waste"]}


def load_arrays(path: Path, shapes: list[tuple[str, list[int]]]) -> list[NDArray[Any]]:
    """The arrays that a worker has left."""
    data = np.fromfile(path, np.uint8)
    arrays: list[NDArray[Any]] = []
    at = 0
    for dtype, shape in shapes:
        length = int(np.prod(shape)) * np.dtype(dtype).itemsize
        arrays.append(data[at : at + length].view(dtype).reshape(shape))
        at += length
    return arrays
