"""Looks for files that the reader or the layouts do not survive.

    python tests/intake/fuzz_layouts.py [minutes] [seed]

Every case is made from a number, which a failure names: run it again with that seed and it is the first one.
"""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from random import Random, SystemRandom
from types import FrameType

from layout_samples import damaged, landed, outcome, read_as, sample

_LONGEST_SECONDS = 10


def main(minutes: float, seed: int) -> None:
    """Well-formed files have to come back cell for cell, damaged ones to be read or refused."""
    signal.signal(signal.SIGALRM, _hangs)
    until, outcomes = time.monotonic() + minutes * 60, Counter[str]()
    while time.monotonic() < until:
        try:
            signal.alarm(_LONGEST_SECONDS)
            outcomes[one(seed)] += 1
        except BaseException:
            print(f"fails with seed {seed}", file=sys.stderr)
            raise
        finally:
            signal.alarm(0)
        seed += 1
    print(f"{outcomes.total():,} files, the last of seed {seed - 1}: {dict(outcomes.most_common())}")


def one(seed: int) -> str:
    """A file of a random layout, and the same file damaged, which is read alike however it is cut into pieces."""
    random = Random(seed)
    case = sample(random)
    assert landed(case) == case.rows
    broken, encoding = damaged(random, case.raw), case.layout.encoding
    size = random.choice([1, 9, 70, 600, 5000])
    expected = read_as(broken, encoding, 1 << 17, by_column=False)
    assert read_as(broken, encoding, size, by_column=False) == expected, size
    assert read_as(broken, encoding, size, by_column=True) == expected, size
    assert read_as(broken, encoding, 1 << 17, by_column=True) == expected
    return outcome(broken, case.layout)


def _hangs(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"more than {_LONGEST_SECONDS} s")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(float(given[0]) if given else 10, int(given[1]) if len(given) > 1 else SystemRandom().randrange(10**9))
