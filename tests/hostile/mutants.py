"""Fixtures with a few bytes changed: the same ones for the same seed."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

from hostile.case import Made, attack

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "files").glob("*.tif"))
SEEDS = 300


def fixture(seed: int) -> Path:
    """Which one is spoilt."""
    return FIXTURES[(seed * 7 + seed // len(FIXTURES)) % len(FIXTURES)]


def mutant(seed: int) -> bytes:
    """What comes of it."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    data = bytearray(fixture(seed).read_bytes())
    for _ in range(rng.choice((1, 1, 2, 4, 8, 32))):
        _spoil(rng, data)
    return bytes(data)


def _spoil(rng: random.Random, data: bytearray) -> None:
    """Change one place: more often in the head, where the structure is."""
    reach = rng.choice((16, 256, 2048, len(data)))
    at = rng.randrange(max(min(len(data), reach), 1))
    kind = rng.randrange(7)
    if kind <= 1:
        data[at : at + 1] = bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))])
    elif kind == 2:
        data[at : at + 1] = bytes([data[at] ^ 1 << rng.randrange(8)]) if at < len(data) else b""
    elif kind == 3:
        data[at : at + 4] = rng.choice((b"\xff" * 4, bytes(4), b"\0\0\0\x80", b"\x7f\xff\xff\xff"))
    elif kind == 4:
        length = rng.randrange(1, 64)
        data[at : at + length] = rng.randbytes(length)
    elif kind == 5:
        other = rng.randrange(len(data))
        length = rng.randrange(1, 512)
        data[at : at + length] = data[other : other + length]
    elif rng.random() < 0.3:
        del data[rng.randrange(len(data) // 2, len(data)) + 1 :]


@attack
def mutants() -> Made:
    """Seeded ones of all fixtures."""
    for seed in range(SEEDS):
        yield f"{seed} of {fixture(seed).stem}", partial(mutant, seed)
