"""Where chance comes from.

A stream is f(seed, key, path): it depends on nothing that ran before, so steps are independent and any
call can be drawn again. Scalars come from BLAKE2b digests of (seed, key, path): eight 64-bit words each.
Arrays come from a `Source`: the AES-256 counter-mode keystream (FIPS 197, SP 800-38A) under an all-zero
secret with the stream's 96-bit key as nonce. Both are published standards, so no release of a library
changes what was drawn, on any platform.
"""

from __future__ import annotations

import hashlib
import operator
import os
import struct
import sys
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import stringzilla as sz

from augury.errors import FieldError, shown

Key = tuple[int | str, ...]

_WORDS = struct.Struct("<8Q").unpack
_KEYSTREAM = sz.Aes256CtrKey(bytes(32))
_TO_UNIT = 2.0**-53
_ZEROS = memoryview(bytes(1 << 22))  # the keystream of zeros is the stream; fresh zeros would cost ten times the cipher


def normal_key(key: object) -> Key:
    """`key` as a tuple of ints and strings; raises FieldError for anything else."""
    parts = key if isinstance(key, (tuple, list)) else (key,)
    try:
        return tuple(
            part if type(part) in (int, str) else str(part) if isinstance(part, str) else operator.index(part)
            for part in parts
        )
    except TypeError:
        raise FieldError(f"key: got {shown(key)}; pass ints or strings, such as key=(epoch, index)") from None


def process_tag() -> Key:
    """What tells this process from its siblings: empty in a lone main process.

    A DataLoader worker is known by the seed that torch gives it, new in every epoch unless workers persist; any other
    child process by its number; a rank by the RANK that launchers export.
    """
    global _tag
    if _tag is None:
        rank = os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or "0"
        tag: Key = () if rank == "0" else ("rank", rank)
        data = sys.modules.get("torch.utils.data")
        worker = data.get_worker_info() if data is not None else None
        if worker is not None:
            tag += ("worker", worker.seed)
        else:
            # The only mark of a child that multiprocessing keeps unique: names can be given twice.
            children = sys.modules.get("multiprocessing")
            tag += tuple(getattr(children.current_process(), "_identity", ())) if children is not None else ()
        _tag = tag
    return _tag


_tag: Key | None = None


def _forget_tag() -> None:
    global _tag
    _tag = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_tag)


def seeded(seed: int | str) -> hashlib.blake2b:
    """The hash state that all calls under one seed start from."""
    return hashlib.blake2b(f"{seed!r}|".encode())


class State:
    """The hashed (seed, key) of one call, from which the stream of every path is made."""

    __slots__ = ("_hash", "_key", "_seeded")

    def __init__(self, seeded: hashlib.blake2b, key: Key) -> None:
        self._seeded = seeded
        self._key = key
        self._hash: hashlib.blake2b | None = None

    def words(self, path: bytes) -> tuple[int, ...]:
        """Eight 64-bit words of a path."""
        start = self._hash
        if start is None:
            self._hash = start = self._seeded.copy()
            start.update(f"{self._key}|".encode())
        digest = start.copy()
        digest.update(path)
        return _WORDS(digest.digest())


class OnePath(State):
    """A state that is asked for one path only, so that no hash is kept for others."""

    __slots__ = ()

    def words(self, path: bytes) -> tuple[int, ...]:
        digest, key = self._seeded.copy(), self._key
        if len(key) == 1 and type(number := key[0]) is int:
            # The number of the call, as most calls have it: printed like the tuple, which is slow to print.
            digest.update(b"(%d,)|%b" % (number, path))
        else:
            digest.update(f"{key}|".encode() + path)
        return _WORDS(digest.digest())


class Stream:
    """The draws of one path in one call: word 0 decides whether the step runs, the rest are its values."""

    __slots__ = ("_block", "_next", "_path", "_state", "_words")

    def __init__(self, state: State, path: bytes) -> None:
        self._state = state
        self._path = path
        self._words = state.words(path)
        self._block = 0
        self._next = 0

    def chance(self) -> float:
        """The number in [0, 1) that is compared with p, independent of the values; ask before drawing any."""
        return (self._words[0] >> 11) * _TO_UNIT

    @property
    def used(self) -> bool:
        """Whether a value was drawn."""
        return self._next > 0 or self._block > 0

    def word(self) -> int:
        """The next 64 random bits."""
        self._next = at = self._next + 1
        return self._words[at] if at < 8 else self._word_of_next_block()

    def _word_of_next_block(self) -> int:
        self._block += 1
        self._words = self._state.words(b"%s#%d" % (self._path, self._block))
        self._next = 0
        return self._words[0]

    def random(self) -> float:
        """A float in [0, 1)."""
        return (self.word() >> 11) * _TO_UNIT

    def uniform(self, low: float, high: float) -> float:
        """A float in [low, high); `low` when both are equal."""
        self._next = at = self._next + 1
        word = self._words[at] if at < 8 else self._word_of_next_block()
        return low + (high - low) * ((word >> 11) * _TO_UNIT)

    def log_uniform(self, low: float, high: float) -> float:
        """A float in [low, high) whose logarithm is uniform; both bounds > 0."""
        return float(low * (high / low) ** self.random())

    def integer(self, low: int, high: int) -> int:
        """An int in [low, high], both ends included."""
        self._next = at = self._next + 1
        word = self._words[at] if at < 8 else self._word_of_next_block()
        return low + ((word * (high - low + 1)) >> 64)

    def normal(self, mean: float = 0.0, sigma: float = 1.0) -> float:
        """A Gaussian float."""
        return mean + sigma * _quantile()(((self.word() >> 12) + 0.5) * 2.0**-52)

    def index(self, weights: tuple[float, ...]) -> int:
        """An index drawn with probability proportional to its weight."""
        at = self.random() * sum(weights)
        for i, weight in enumerate(weights):
            at -= weight
            if at < 0:
                return i
        return max(i for i, weight in enumerate(weights) if weight > 0)

    def permutation(self, n: int) -> tuple[int, ...]:
        """A uniformly drawn order of range(n)."""
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            self._next = at = self._next + 1
            word = self._words[at] if at < 8 else self._word_of_next_block()
            j = (word * (i + 1)) >> 64
            order[i], order[j] = order[j], order[i]
        return tuple(order)

    def key(self) -> str:
        """A key, as 24 hexadecimal digits, from which a `Source` draws arrays."""
        return f"{self.word():016x}{self.word() >> 32:08x}"


class Source:
    """Random arrays of one stream key, drawn one after another; the same key draws the same arrays."""

    __slots__ = ("_at", "_nonce")

    def __init__(self, key: str) -> None:
        self._nonce = bytes.fromhex(key)
        self._at = 0

    def bytes(self, n: int) -> bytes:
        """The next n random bytes."""
        text = _ZEROS[:n] if n <= len(_ZEROS) else bytes(n)
        out: bytes = _KEYSTREAM.xor(text, self._nonce, offset=self._at)
        self._at += n
        return out

    def uint8(self, n: int) -> npt.NDArray[np.uint8]:
        """n bytes, read-only."""
        return np.frombuffer(self.bytes(n), np.uint8)

    def uint16(self, n: int) -> npt.NDArray[np.uint16]:
        """n 16-bit words, read-only."""
        return np.frombuffer(self.bytes(2 * n), "<u2")

    def uint32(self, n: int) -> npt.NDArray[np.uint32]:
        """n 32-bit words, read-only."""
        return np.frombuffer(self.bytes(4 * n), "<u4")

    def uniform(self, n: int, low: float = 0.0, high: float = 1.0) -> npt.NDArray[np.float32]:
        """n float32 in [low, high), 24 random bits each."""
        unit = (self.uint32(n) >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)
        return unit * np.float32(high - low) + np.float32(low)

    def normal(self, n: int) -> npt.NDArray[np.float32]:
        """n standard Gaussian float32: the 65,536 mid-quantiles, looked up by 16-bit words (|z| <= 4.33)."""
        return normal_quantiles().take(self.uint16(n))


@cache
def _quantile() -> Callable[[float], float]:
    # Wichura's AS 241; the module is slow to import and many pipelines draw nothing Gaussian.
    from statistics import NormalDist

    return NormalDist().inv_cdf


def normal_quantile(probability: float) -> float:
    """The value that a standard Gaussian stays below with a probability in (0, 1)."""
    return _quantile()(probability)


@cache
def normal_quantiles() -> npt.NDArray[np.float32]:
    """Quantiles of the standard Gaussian at (i + 0.5) / 65536, float32, ascending."""
    inv = _quantile()
    half = np.array([inv((i + 0.5) / 65536) for i in range(32768)], np.float32)
    return np.concatenate([half, -half[::-1]])
