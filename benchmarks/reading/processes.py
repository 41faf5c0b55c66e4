"""The processes that a run talks to: the range server, and one for each peer."""

from __future__ import annotations

import http.client
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TIMEOUT = 60.0
"""Seconds after which a peer has failed."""


GEOTIFF_JS = "geotiff.js"
NEEDS = {
    "rasterio": ("rasterio",),
    "async-tiff": ("async_tiff", "obstore"),
    "async-geotiff": ("async_geotiff", "async_tiff", "obstore"),
    "tifffile": ("tifffile", "fsspec", "aiohttp"),
}
"""Modules that the process of a peer imports."""
ALL_PEERS = ("tinycog", *NEEDS, GEOTIFF_JS)


class PeerError(Exception):
    """A peer did not do what it was asked; the text says why."""


@dataclass(frozen=True)
class Traffic:
    """What a server saw between two clearings."""

    requests: int
    bytes: int
    connections: int
    ranges: tuple[tuple[int, int], ...]


class ServerProcess:
    """The range server."""

    def __init__(self, root: Path) -> None:
        """Start it over a directory."""
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "reading.server", str(root.resolve())],
            cwd=HERE.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self._http = http.client.HTTPConnection("127.0.0.1", self.port)

    def _get(self, target: str) -> Any:  # noqa: ANN401
        self._http.request("GET", target)
        return json.loads(self._http.getresponse().read())

    def link(self, latency: float, megabytes_per_second: float, each: float = 0) -> None:
        """How long each answer waits (ms), how much all share, and each connection has.

        In megabytes a second; 0 = as fast as it goes.
        """
        self._get(f"/__link?ms={latency}&mbps={megabytes_per_second}&each={each}")

    def clear(self) -> None:
        """Forget what was asked."""
        self._get("/__clear")

    def traffic(self) -> Traffic:
        """What was asked since."""
        found = self._get("/__log")
        log = found["log"]
        ranges = tuple((start, stop) for _, _, start, stop, _ in log)
        return Traffic(len(log), sum(entry[4] for entry in log), found["connections"], ranges)

    def base(self, name: str) -> str:
        """A base url that nobody has seen before, if the name is new."""
        return f"http://127.0.0.1:{self.port}/{name}"

    def close(self) -> None:
        """End it."""
        self._http.close()
        end(self._process)


class PeerProcess:
    """A worker that reads with one library; it speaks JSON, a line for a job, a line back."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        """Start it."""
        self._command = command
        self._environment = {**os.environ, **environment}
        self._process = self._start()
        self._rest = b""

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603
            self._command,
            cwd=HERE.parent,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """Have a job done.

        Raises:
            PeerError: it failed, died, or took too long.
        """
        if self._process.poll() is not None:
            self._process, self._rest = self._start(), b""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as exc:
            raise PeerError("the process died") from exc
        reply = json.loads(self._line())
        if "error" in reply:
            raise PeerError(reply["error"])
        return reply

    def _line(self) -> bytes:
        """The next line; a worker that gives none is ended, and started anew when asked again."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            ready, _, _ = select.select([pipe], [], [], TIMEOUT)
            data = os.read(pipe, 1 << 16) if ready else b""
            if not data:
                why = "the process died" if ready else f"nothing came for {TIMEOUT:.0f} s"
                end(self._process)
                raise PeerError(why)
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def reset_peak(self) -> int:
        """Start the peak of its memory anew; gives what it holds now, in bytes (Linux only)."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")
        return self._memory("VmRSS")

    def peak(self) -> int:
        """The most memory it held since, in bytes (Linux only)."""
        return self._memory("VmHWM")

    def _memory(self, name: str) -> int:
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        why = f"the system does not tell {name}"
        raise PeerError(why)

    def close(self) -> None:
        """End it."""
        end(self._process)


def geotiff_js() -> Path | None:
    """The directory that has node_modules/geotiff in it, if there is one."""
    told = os.environ.get("GEOTIFF_JS")
    places = [Path(told)] if told else [HERE.parent / ".node", HERE.parent]
    return next((p for p in places if (p / "node_modules" / "geotiff").is_dir()), None)


def geotiff_js_versions() -> dict[str, str]:
    """Of node and of the package."""
    package = (geotiff_js() or Path()) / "node_modules" / "geotiff" / "package.json"
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)  # noqa: S607
    return {"node": node.stdout.strip(), GEOTIFF_JS: json.loads(package.read_text())["version"]}


def missing(peer: str) -> str | None:
    """Why a peer cannot be measured here, or None."""
    if peer == GEOTIFF_JS:
        if shutil.which("node") is None:
            return "node is not there"
        if geotiff_js() is None:
            return "run `npm install --prefix benchmarks/.node geotiff`, or set GEOTIFF_JS"
        return None
    lacking = [name for name in NEEDS.get(peer, ()) if find_spec(name) is None]
    return f"pip install {' '.join(lacking)}" if lacking else None


def start_peer(name: str, loop: str) -> PeerProcess:
    """Start the worker of a peer."""
    if name == GEOTIFF_JS:
        script = str(HERE / "peers" / "by_geotiff_js.mjs")
        return PeerProcess(["node", "--expose-gc", script], {"GEOTIFF_JS": str(geotiff_js())})
    return PeerProcess([sys.executable, "-m", "reading.worker", name, loop], {})


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
