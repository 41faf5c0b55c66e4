"""The next level of every size from 1 x 1 to 70 x 70, against the oracle of the tests.

    python tests/overviews_of_all_sizes.py [--most 70]

Each size by every method that has an oracle, of a dtype that changes; about an hour on one core.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
from test_overviews import FLOATS, INTEGERS, ORACLE_METHODS, compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=70)
    most = parser.parse_args().most
    sizes = itertools.product(range(1, most + 1), repeat=2)
    count = 0
    with np.errstate(all="ignore"):
        for seed, (rows, cols) in enumerate(sizes):
            for method in ORACLE_METHODS:
                dtypes = INTEGERS[:6] if method == "rms" else INTEGERS + FLOATS
                compare(rows, cols, dtypes[seed % len(dtypes)], method, seed)
                count += 1
    print(f"{count} levels equal the oracle's")  # noqa: T201 - it talks to a person


if __name__ == "__main__":
    main()
