"""A process that reads with one library: `python -m reading.worker NAME`.

A line of JSON in is a job, a line of JSON out says how long it took. Pixels go into a file that the
job names, after the clock has stopped, for the driver to look at.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from typing import Any

import numpy as np

from .peers import Job, load


def main() -> None:
    """Do jobs until there are no more."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is not a reply
    name, loop = sys.argv[1:]
    if loop == "uvloop":
        import uvloop  # noqa: PLC0415

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    peer = None
    for line in sys.stdin:
        try:
            peer = peer or load(name)
            reply = work(peer, Job.parse(line))
        except Exception as exc:  # noqa: BLE001 - whatever a library raises is its result
            reply = {"error": f"{type(exc).__name__}: {exc}".split("\n")[0][:300]}
        replies.write(json.dumps(reply) + "\n")


def work(peer: Any, job: Job) -> dict[str, Any]:  # noqa: ANN401 - two kinds, one method
    """Do one job, and tell what it cost."""
    gc.collect()
    cpu, began = time.process_time(), time.perf_counter()
    arrays = peer.run(job)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    facts = peer.finish()
    with open(job.dump, "wb") as file:  # noqa: PTH123
        for array in arrays:
            np.ascontiguousarray(array).tofile(file)
    shapes = [(array.dtype.str, array.shape) for array in arrays]
    return {"seconds": seconds, "cpu": cpu, "arrays": shapes, **facts}


if __name__ == "__main__":
    main()
