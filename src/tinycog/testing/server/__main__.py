"""Serve a directory over ranges: `python -m tinycog.testing.server DIR`.

The first line of output is the URL of the directory. It runs until interrupted or terminated.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from tinycog.testing.server.range_server import RangeServer


async def _serve(server: RangeServer) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has only KeyboardInterrupt
            loop.add_signal_handler(number, stop.set)
    async with server:
        sys.stdout.write(server.url("") + "\n")
        sys.stdout.flush()
        await stop.wait()


def _files(root: Path) -> dict[str, Path]:
    return {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m tinycog.testing.server",
        description="Serve the files of a directory over HTTP ranges on 127.0.0.1.",
    )
    parser.add_argument("directory", type=Path, help="its files are listed once, at the start")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--latency-ms", type=float, default=0, help="before each answer")
    parser.add_argument("--bandwidth", type=float, help="bytes per second for each connection")
    args = parser.parse_args()
    server = RangeServer(
        _files(args.directory),
        latency=args.latency_ms / 1000,
        bandwidth=args.bandwidth,
        port=args.port,
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(server))


if __name__ == "__main__":
    main()
