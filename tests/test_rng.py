"""Chance has an address, is fair, and is pinned: a golden changes only with a new record format."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from scipy import stats

from augury.errors import FieldError
from augury.rng import Source, State, Stream, normal_key, normal_quantiles, process_tag, seeded

N = 6000


def stream(seed: int | str = 137, key: tuple[int | str, ...] = (0,), path: bytes = b"Rotate") -> Stream:
    return Stream(State(seeded(seed), key), path)


def over_keys(draw: Any, n: int = N, path: bytes = b"Rotate") -> list[Any]:
    return [draw(stream(key=(i,), path=path)) for i in range(n)]


# ---- goldens -------------------------------------------------------------------------------------------


def test_words_are_pinned() -> None:
    assert State(seeded(137), (3, 41)).words(b"OneOf/Rotate") == (
        0x87A6897CE0B38956, 0x8F0C7FBAB534E6BF, 0xF90365B4C6FC17B8, 0xFC971074C163AA8F,
        0x590CA6199A4A6860, 0x1224C43A0F28D1A9, 0x054B2B73DE938AC5, 0x0D54C2F3D2A555A4,
    )  # fmt: skip
    assert State(seeded("a"), ("x", -1)).words(b"")[0] == 0x131746F37586E674


def test_draws_are_pinned() -> None:
    s = stream(137, (3, 41))
    assert s.chance() == 0.897159845659612
    assert s.uniform(-90, 90) == 30.999592372889282
    assert s.integer(0, 9) == 6
    assert s.normal() == pytest.approx(-1.179820416183093, abs=1e-12)
    assert s.permutation(5) == (3, 2, 0, 1, 4)
    assert s.index((1, 2, 3)) == 2
    assert s.key() == "c4dd1110553261e76dde762e"
    assert s.log_uniform(0.1, 10) == pytest.approx(8.434088220986721, rel=1e-14)


def test_sources_are_pinned() -> None:
    source = Source("00112233445566778899aabb")
    assert source.bytes(8).hex() == "384a3a332d949c0a"
    assert source.uint8(4).tolist() == [0, 53, 202, 86]
    assert source.uint16(3).tolist() == [23331, 25801, 59478]
    assert source.uint32(2).tolist() == [3220910522, 3833045248]
    assert source.uniform(2).tolist() == [0.22104239463806152, 0.28790873289108276]
    assert source.normal(3).tolist() == pytest.approx([0.8005613684654236, -0.80790776014328, -0.0030024813], abs=1e-7)


def test_another_process_draws_the_same() -> None:
    code = (
        "from augury.rng import *; print(State(seeded('s'), (1, 'b')).words(b'p')); print(Source('ab' * 12).bytes(40))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert done == f"{State(seeded('s'), (1, 'b')).words(b'p')}\n{Source('ab' * 12).bytes(40)}\n"


# ---- addresses -----------------------------------------------------------------------------------------


def test_a_stream_depends_on_seed_key_and_path_only() -> None:
    state = State(seeded(137), (5,))
    first = state.words(b"a")
    state.words(b"b")
    Stream(state, b"a").permutation(20)
    assert state.words(b"a") == first == State(seeded(137), (5,)).words(b"a")


def test_every_part_of_the_address_counts() -> None:
    addresses = [
        (seed, key, path)
        for seed in (0, 1, -1, "0", "1|")
        for key in ((), (0,), ("0",), (0, 0), (0, 1), (1, 0), (10,), ("0, 0",))
        for path in (b"", b"a", b"a/b", b"ab", b"a#1", b"a~1")
    ]
    words = {State(seeded(seed), key).words(path) for seed, key, path in addresses}
    assert len(words) == len(addresses)
    assert len({word for block in words for word in block}) == 8 * len(words)


def test_more_than_eight_draws_repeat_nothing() -> None:
    s = stream()
    drawn = [s.word() for _ in range(500)]
    assert len(set(drawn)) == 500
    again = stream()
    assert [again.word() for _ in range(500)] == drawn


def test_chance_is_independent_of_the_values() -> None:
    s = stream()
    before = s.chance()
    assert before not in [s.random() for _ in range(7)]
    chances = over_keys(lambda s: s.chance())
    values = over_keys(lambda s: s.random())
    assert abs(np.corrcoef(chances, values)[0, 1]) < 0.05


def test_normal_key() -> None:
    assert normal_key((np.int64(3), "a")) == (3, "a")
    assert normal_key([1, 2]) == (1, 2)
    assert normal_key(True) == (1,)
    assert type(normal_key(True)[0]) is int
    assert normal_key(np.str_("id")) == ("id",)
    assert type(normal_key(np.str_("id"))[0]) is str
    for bad in (1.5, (1, 2.0), (None,), {"a": 1}, b"x"):
        with pytest.raises(FieldError, match=r"^key: got .*; pass ints or strings"):
            normal_key(bad)


def test_a_lone_process_has_no_tag() -> None:
    code = "from augury.rng import process_tag; print(process_tag())"

    def tag(**env: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
        ).stdout.strip()

    import os

    plain = {k: v for k, v in os.environ.items() if k not in ("RANK", "SLURM_PROCID")}
    assert tag(**plain) == "()"
    assert tag(**plain, RANK="0") == "()"
    assert tag(**plain, RANK="3") == "('rank', '3')"
    assert tag(**plain, SLURM_PROCID="2") == "('rank', '2')"
    assert isinstance(process_tag(), tuple)


# ---- fairness ------------------------------------------------------------------------------------------


def fair(counts: list[int], expected: list[float] | None = None) -> bool:
    """Chi-square with a threshold that a fixed seed either meets or not; one in a million fair draws would fail."""
    return float(stats.chisquare(counts, expected).pvalue) > 1e-6


@pytest.mark.parametrize("name", ["random", "chance"])
def test_uniform(name: str) -> None:
    values = np.array(over_keys(lambda s: getattr(s, name)()))
    assert values.min() >= 0 and values.max() < 1
    assert fair(np.histogram(values, 20, (0, 1))[0].tolist())
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.05


def test_every_bit_of_a_word_is_fair() -> None:
    words = np.array([w for i in range(N // 8) for w in State(seeded(1), (i,)).words(b"p")], np.uint64)
    bits = np.unpackbits(words.view(np.uint8))
    per_bit = bits.reshape(-1, 64).sum(axis=0)
    assert np.abs(per_bit / len(words) - 0.5).max() < 0.04


def test_uniform_bounds() -> None:
    values = over_keys(lambda s: s.uniform(-90, 30))
    assert -90 <= min(values) < -89 and 29 < max(values) < 30
    assert stream().uniform(4.0, 4.0) == 4.0


def test_log_uniform() -> None:
    values = np.log10(over_keys(lambda s: s.log_uniform(0.1, 10)))
    assert fair(np.histogram(values, 10, (-1, 1))[0].tolist())


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 3), (5, 11)])
def test_integers_include_both_ends_evenly(low: int, high: int) -> None:
    counts = Counter(over_keys(lambda s: s.integer(low, high)))
    assert sorted(counts) == list(range(low, high + 1))
    assert fair(list(counts.values()))


def test_integers_at_the_edges() -> None:
    assert stream().integer(7, 7) == 7
    assert all(0 <= v < 2**63 for v in over_keys(lambda s: s.integer(0, 2**63 - 1), 100))


def test_normal() -> None:
    values = np.array(over_keys(lambda s: s.normal(2.0, 3.0)))
    assert stats.kstest(values, "norm", (2.0, 3.0)).pvalue > 1e-4


def test_index_follows_the_weights() -> None:
    weights = (0.5, 0.0, 1.5, 3.0)
    counts = Counter(over_keys(lambda s: s.index(weights)))
    assert 1 not in counts
    assert fair([counts[0], counts[2], counts[3]], [N * w / 5 for w in (0.5, 1.5, 3.0)])


def test_index_never_falls_off_the_end() -> None:
    weights = (0.1,) * 10 + (0.0,)

    class Last(Stream):
        def random(self) -> float:
            return float(np.nextafter(1, 0))

    assert Last(State(seeded(0), ()), b"").index(weights) == 9


def test_permutations_are_uniform() -> None:
    counts = Counter(over_keys(lambda s: s.permutation(4), 12_000))
    assert set(counts) == set(permutations(range(4)))
    assert fair(list(counts.values()))
    assert stream().permutation(0) == ()
    assert sorted(stream().permutation(30)) == list(range(30))


def test_paths_and_seeds_are_independent() -> None:
    columns = [
        over_keys(lambda s: s.random(), 3000, path) for path in (b"Rotate", b"Rotate:2", b"OneOf/Rotate", b"Blur")
    ]
    columns += [[stream(seed, (i,)).random() for i in range(3000)] for seed in (1, 2, "137")]
    together = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(together).max() < 0.08


# ---- arrays --------------------------------------------------------------------------------------------


def test_a_source_goes_on_where_it_stopped() -> None:
    whole = Source("5a" * 12).bytes(100)
    parts = Source("5a" * 12)
    assert b"".join(parts.bytes(n) for n in (1, 15, 16, 17, 51)) == whole
    assert Source("5b" * 12).bytes(100) != whole


def test_a_long_source_is_one_stream() -> None:
    n = (1 << 22) + 100
    source = Source("00" * 12)
    long = source.bytes(n)
    other = Source("00" * 12)
    assert long == other.bytes(1 << 22) + other.bytes(100)
    counts = np.bincount(np.frombuffer(long, np.uint8), minlength=256)
    assert fair(counts.tolist())


def test_source_arrays_are_fair() -> None:
    source = Source("c0ffee" * 4)
    unit = source.uniform(50_000)
    assert unit.dtype == np.float32 and unit.min() >= 0 and unit.max() < 1
    assert fair(np.histogram(unit, 50, (0, 1))[0].tolist())
    wide = source.uniform(1000, -3, 5)
    assert -3 <= wide.min() < -2.9 and 4.9 < wide.max() <= 5
    normal = source.normal(50_000)
    assert normal.dtype == np.float32
    assert stats.kstest(normal, "norm").pvalue > 1e-4
    assert abs(np.corrcoef(normal[:-1], normal[1:])[0, 1]) < 0.02


def test_normal_quantiles() -> None:
    table = normal_quantiles()
    assert table.shape == (65536,) and (np.diff(table) >= 0).all()
    assert np.array_equal(table, -table[::-1])
    assert np.allclose(table, stats.norm.ppf((np.arange(65536) + 0.5) / 65536), atol=1e-6)


def test_neighbouring_keys_share_no_array() -> None:
    keys = [stream(key=(i,)).key() for i in range(2000)]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 24 and int(key, 16) >= 0 for key in keys)
    arrays = [Source(key).uniform(256) for key in keys[:50]]
    assert max(abs(np.corrcoef(a, b)[0, 1]) for a, b in pairwise(arrays)) < 0.25
