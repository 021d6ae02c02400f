from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.api import OLS

from augury.doctor.estimates import effects
from augury.doctor.panel import Panel
from augury.doctor.results import ESTIMATES
from augury.doctor.within import fit
from augury.sample import Array
from tests.doctor.simulated import grid, panel_of

PATHS = ["Blur", "OneOf/Rotate", "OneOf/Noise"]
TRUTH = np.array([0.0, 0.5, -0.2])


def run(
    rng: np.random.Generator, samples: int = 120, epochs: int = 8, truth: Array = TRUTH
) -> tuple[Panel, Array, Array]:
    """Steps by chance, two of them in a group; errors differ by sample and step, drift within samples, effects vary."""
    sample, epoch = grid(samples, epochs)
    group = rng.choice(3, len(sample), p=[0.3, 0.3, 0.4])
    ran = np.stack([rng.random(len(sample)) < 0.4, group == 1, group == 2], axis=1)
    scale = rng.gamma(2.0, 0.2, samples)[sample] * (1 + ran[:, 1])
    drift = rng.normal(0, 0.1, samples)[sample] * epoch
    own = truth + rng.normal(0, 0.2, (samples, 3))
    hardness = rng.normal(1, 0.5, samples)[sample]
    loss = 3 / (1 + epoch) + hardness + drift + (ran * own[sample]).sum(1) + scale * rng.standard_t(5, len(sample))
    return panel_of(loss, sample, epoch, ran, PATHS), ran, loss


def test_equals_regression_with_a_dummy_per_sample_and_epoch() -> None:
    sample, epoch = grid(30, 6)
    kept = np.random.default_rng(1).random(len(sample)) < 0.8  # samples are not seen in every epoch
    rng = np.random.default_rng(2)
    ran = rng.random((len(sample), 3)) < 0.5
    loss = rng.normal(size=len(sample)) * (1 + ran[:, 0]) + sample + 0.3 * ran[:, 1]
    sample, epoch, ran, loss = sample[kept], epoch[kept], ran[kept], loss[kept]
    panel = panel_of(loss, sample, epoch, ran, PATHS)
    ours = fit(panel, lambda rows: panel.ran[panel.pattern[rows]].astype(float), [[0, 1, 2], [1]])

    dummies = [
        pd.get_dummies(codes, drop_first=drop).to_numpy(float) for codes, drop in ((sample, False), (epoch, True))
    ]
    for one, columns in zip(ours, ([0, 1, 2], [1]), strict=True):
        design = np.hstack([ran[:, columns].astype(float), *dummies])
        theirs = OLS(loss, design).fit(cov_type="cluster", cov_kwds={"groups": sample}, use_t=True)
        n, k, wide = len(loss), len(columns), design.shape[1]
        # Theirs counts the dummies among the columns; they are nested in the clusters and take no freedom there.
        factor = np.sqrt((n - wide) / (n - k))
        np.testing.assert_allclose(one.effects, theirs.params[:k], atol=1e-9)
        np.testing.assert_allclose(np.sqrt(np.diag(one.covariance)), theirs.bse[:k] * factor, rtol=1e-8)
        test = one.one(0)
        assert test is not None and test.low < test.effect < test.high


def test_equals_regression_without_dummies() -> None:
    panel, ran, loss = run(np.random.default_rng(3))
    sample, _ = grid(120, 8)
    for i, one in enumerate(effects(panel, {}, {})["raw"]):
        theirs = OLS(loss, np.column_stack([np.ones(len(loss)), ran[:, i]])).fit(
            cov_type="cluster", cov_kwds={"groups": sample}, use_t=True
        )
        # Theirs counts the constant, ours only what is asked about.
        factor = np.sqrt((len(loss) - 2) / (len(loss) - 1))
        assert one.effect == pytest.approx(loss[ran[:, i]].mean() - loss[~ran[:, i]].mean())
        low, high = theirs.conf_int()[1]
        assert one.high - one.low == pytest.approx((high - low) * factor, rel=1e-6)


@pytest.mark.parametrize("within", [True, False])
def test_sums_over_cells_are_those_over_rows(within: bool) -> None:
    panel, _, _ = run(np.random.default_rng(9))
    table = panel.ran.astype(float)
    groups = [[0], [1, 2], [0, 1, 2], []]
    by_cell = fit(panel, table, groups, within=within)
    by_row = fit(panel, lambda rows: table[panel.pattern[rows]], groups, within=within)
    for one, other in zip(by_cell, by_row, strict=True):
        for name in ("effects", "covariance", "cross"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-12)
        assert one.freedom == other.freedom


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    """In 400 runs, 93 to 97 % of the 95 % intervals hold the truth, for every step and estimate."""
    rng = np.random.default_rng(137)
    hits = {name: np.zeros(3) for name in ESTIMATES}
    for _ in range(400):
        panel, _, _ = run(rng)
        for name, rows in effects(panel, {}, {}).items():
            # A raw difference is not that of a member of a group to none of it, but to all other rows.
            truth = TRUTH
            if name == "raw":
                truth = np.array([0.0, 0.5 - 0.4 / 0.7 * -0.2, -0.2 - 0.3 / 0.6 * 0.5])
            hits[name] += [row.low <= t <= row.high for row, t in zip(rows, truth, strict=True)]
    for name, count in hits.items():
        assert np.all((count / 400 >= 0.93) & (count / 400 <= 0.97)), (name, count / 400)


def test_a_trend_and_a_shared_group_do_not_mislead_the_default() -> None:
    """Noise shares a group with the harmful Rotate and ran in the easy late epochs, Blur in the hard early ones."""
    rng = np.random.default_rng(4)
    sample, epoch = grid(300, 10)
    n = len(sample)
    chance = rng.random(n)
    noise = chance < 0.1 + 0.06 * epoch
    rotate = ~noise & (rng.random(n) < 0.5)
    blur = rng.random(n) < 0.8 - 0.07 * epoch
    ran = np.stack([blur, rotate, noise], axis=1)
    loss = 3 / (1 + epoch) + rng.normal(0, 1, 300)[sample] + 0.5 * rotate + rng.gamma(1, 0.3, n)
    table = effects(panel_of(loss, sample, epoch, ran, PATHS), {}, {})

    raw, paired = table["raw"], table["paired"]
    assert raw[0].low > 0.3 and raw[2].high < -0.3
    for name in ("paired", "adjusted"):
        for row, truth in zip(table[name], (0.0, 0.5, 0.0), strict=True):  # type: ignore[index]
            assert row.low <= truth <= row.high, (name, row)
    assert [row.p_corrected < 0.05 for row in paired] == [False, True, False]
    assert paired[1].against == "the same samples without OneOf"


def test_members_of_a_group_that_always_runs_are_compared_with_each_other() -> None:
    rng = np.random.default_rng(5)
    sample, epoch = grid(200, 8)
    choice = rng.integers(0, 3, len(sample))
    ran = np.stack([choice == 0, choice == 1, choice == 2], axis=1)
    loss = rng.normal(0, 1, 200)[sample] + 0.6 * ran[:, 0] + rng.normal(0, 0.3, len(sample))
    rows = effects(panel_of(loss, sample, epoch, ran, ["OneOf/A", "OneOf/B", "OneOf/C"]), {}, {})["paired"]
    assert [row.against for row in rows] == ["the other steps of OneOf"] * 3
    for row, truth in zip(rows, (0.6, -0.3, -0.3), strict=True):
        assert row.low <= truth <= row.high


def test_steps_that_always_run_together_share_one_effect() -> None:
    rng = np.random.default_rng(6)
    sample, epoch = grid(100, 8)
    one = rng.random(len(sample)) < 0.5
    ran = np.stack([one, one, np.ones_like(one)], axis=1)
    loss = 0.4 * one + rng.normal(0, 0.2, len(sample))
    rows = effects(panel_of(loss, sample, epoch, ran, ["Sequential/A", "Sequential/B", "C"]), {}, {})["paired"]
    for row, other in zip(rows, "BA", strict=False):
        assert row.low <= 0.4 <= row.high
        assert row.against.endswith(f"always together with Sequential/{other}")
    assert rows[2].effect is None and rows[2].against == "it ran on every row"


def test_blocks_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    from augury.doctor import panel as module

    whole = effects(run(np.random.default_rng(7))[0], {}, {})
    monkeypatch.setattr(module, "BLOCK", 100)
    panel = run(np.random.default_rng(7))[0]
    assert len(panel.blocks) > 5
    for name, rows in effects(panel, {}, {}).items():
        for row, other in zip(rows, whole[name], strict=True):
            assert (row.effect, row.low, row.high) == pytest.approx((other.effect, other.low, other.high))


def test_outliers_do_not_make_an_effect() -> None:
    rng = np.random.default_rng(8)
    sample, epoch = grid(100, 8)
    ran = rng.random((len(sample), 1)) < 0.5
    loss = rng.pareto(1.5, len(sample))
    (row,) = effects(panel_of(loss, sample, epoch, ran, ["Blur"]), {}, {})["paired"]
    assert row.low < 0 < row.high
