"""Random numbers that depend on a seed and a purpose, never on the order in which things are made."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_STEP = np.uint64(0x9E3779B97F4A7C15)


def generator(seed: int, *purpose: object) -> np.random.Generator:
    """A generator of its own for one purpose, for example `generator(7, "postcards", day)`."""
    return np.random.default_rng([seed, zlib.crc32("/".join(map(str, purpose)).encode())])


def key_hashes(keys: pd.Series, seed: int) -> NDArray[np.uint64]:
    """One hash per key that depends on the seed and the key alone (SipHash, vectorised)."""
    hashes: NDArray[np.uint64] = pd.util.hash_array(keys.to_numpy(object), hash_key=f"{seed:016d}"[:16])
    return hashes


def uniform(hashes: NDArray[np.uint64], draw: int) -> NDArray[np.float64]:
    """The `draw`-th number in [0, 1) of each hash (splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        z = hashes + _STEP * np.uint64(draw + 1)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def below(rng: np.random.Generator, bounds: NDArray[Any]) -> NDArray[np.int64]:
    """One integer in [0, bound) for each bound."""
    return np.asarray(rng.random(len(bounds)) * bounds, dtype=np.int64)
