"""Say what a read will send, read, and compare: `python examples/plan.py URL`."""

import asyncio
import sys

import tinycog


async def main(url: str) -> None:
    """Plan a window of 512 by 512 pixels in the middle, then read it."""
    async with tinycog.open(url) as cog:
        cols, rows = min(cog.width, 512), min(cog.height, 512)
        window = ((cog.width - cols) // 2, (cog.height - rows) // 2, cols, rows)
        plan = await cog.plan(window=window)
        before = len(cog.requests)
        await cog.read(window=window)
        sent = cog.requests[before:]
        print(f"planned: {len(plan.requests)} requests, {plan.bytes} bytes")
        print(f"sent:    {len(sent)} requests, {sum(one.received for one in sent)} bytes")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
