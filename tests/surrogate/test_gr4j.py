"""The example, GR4J, against closed forms and the water balance."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("torch")

from dhbv.surrogate import simulator

FILE = Path(__file__).parents[2] / "examples" / "surrogate" / "gr4j.py"


@pytest.fixture(scope="module")
def gr4j() -> ModuleType:
    return simulator._module(str(FILE), "gr4j")


def _weather(days: int = 800, basins: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    p = rng.gamma(0.5, 12.0, (days, basins)) * (rng.random((days, basins)) < 0.4)
    return p, np.clip(2.0 + 2.0 * np.sin(np.arange(days) / 58.0)[:, None] + 0.0 * p, 0.0, None)


def test_water_is_kept_where_nothing_is_exchanged(gr4j: ModuleType) -> None:
    p, e = _weather()
    x1, x3, x4 = (
        np.array(v) for v in ([80.0, 350.0, 900.0, 2000.0], [20.0, 90.0, 200.0, 500.0], [0.7, 1.7, 3.0, 5.0])
    )
    pr, evaporation, s = gr4j.effective_rainfall(x1, p, e)
    np.testing.assert_allclose(p.sum(0), (pr + evaporation).sum(0) + s - 0.3 * x1, rtol=1e-12)
    assert (evaporation <= e + 1e-12).all()
    assert (pr >= 0.0).all()
    u1, u2 = gr4j.unit_hydrographs(x4)
    q9, q1 = gr4j.spread(0.9 * pr, u1), gr4j.spread(0.1 * pr, u2)
    q, exchange, r = gr4j.routed(np.zeros(4), x3, q9, q1)
    np.testing.assert_allclose(exchange, 0.0, atol=1e-12)
    np.testing.assert_allclose((q9 + q1).sum(0), q.sum(0) + r - 0.5 * x3, rtol=1e-12)


@pytest.mark.parametrize("x2", [-4.0, 3.0])
def test_what_is_exchanged_is_told_to_the_drop(gr4j: ModuleType, x2: float) -> None:
    p, _ = _weather()
    x3 = np.array([20.0, 90.0, 200.0, 500.0])
    q, exchange, r = gr4j.routed(np.full(4, x2), x3, 0.9 * p, 0.1 * p)
    np.testing.assert_allclose(p.sum(0) + exchange.sum(0), q.sum(0) + r - 0.5 * x3, rtol=1e-12)
    assert (np.sign(exchange.sum(0)) == np.sign(x2)).all()
    assert (q >= 0.0).all()


def test_unit_hydrographs_are_those_of_the_paper(gr4j: ModuleType) -> None:
    x4 = np.array([0.6, 1.0, 2.0, 5.0])
    u1, u2 = gr4j.unit_hydrographs(x4)
    np.testing.assert_allclose([u1.sum(0), u2.sum(0)], 1.0, rtol=1e-12)
    assert min(u1.min(), u2.min()) >= 0.0
    # A time base of a day or less delays nothing in UH1; SH1(1) of two days is (1/2)^(5/2).
    np.testing.assert_allclose(u1[0, :3], [1.0, 1.0, 0.5**2.5])
    np.testing.assert_allclose(u2[:5, 2], np.diff([0.0, 0.5 * 0.5**2.5, 0.5, 1.0 - 0.5 * 0.5**2.5, 1.0, 1.0]))
    # UH2 lasts twice as long, and is the same read backwards.
    np.testing.assert_allclose(u2[:4, 2], u2[:4, 2][::-1])
    assert (u1[5:, 3] == 0.0).all()
    assert u2[9, 3] > 0.0


def test_one_day_by_hand(gr4j: ModuleType) -> None:
    """X1 = 300 at S = 90: Ps = X1 (1 − 0.09) tanh(1/10) / (1 + 0.3 tanh(1/10)) of P − E = 30 mm."""
    x1 = np.array([300.0])
    pr, evaporation, s = gr4j.effective_rainfall(x1, np.array([[34.0]]), np.array([[4.0]]))
    t = np.tanh(0.1)
    ps = 300.0 * 0.91 * t / (1.0 + 0.3 * t)
    full = 90.0 + ps
    perc = full * (1.0 - (1.0 + (4.0 / 9.0 * full / 300.0) ** 4) ** -0.25)
    np.testing.assert_allclose([pr[0, 0], evaporation[0, 0], s[0]], [30.0 - ps + perc, 4.0, full - perc])
    # And dry: Es = S (2 − 0.3) tanh(1/75) / (1 + 0.7 tanh(1/75)) of E − P = 4 mm.
    _, evaporation, _ = gr4j.effective_rainfall(x1, np.array([[1.0]]), np.array([[5.0]]))
    t = np.tanh(4.0 / 300.0)
    assert evaporation[0, 0] == pytest.approx(1.0 + 90.0 * 1.7 * t / (1.0 + 0.7 * t))


def test_the_routing_store_empties_as_its_closed_form(gr4j: ModuleType) -> None:
    """Without inflow R ← R (1 + (R/X3)⁴)^(−1/4) has the solution R_n = (R_0⁻⁴ + n X3⁻⁴)^(−1/4)."""
    none = np.zeros((50, 1))
    q, _, r = gr4j.routed(np.zeros(1), np.array([100.0]), none, none)
    store = (50.0**-4.0 + np.arange(51) * 100.0**-4.0) ** -0.25
    np.testing.assert_allclose(q[:, 0], -np.diff(store), rtol=1e-9)
    assert r[0] == pytest.approx(store[-1])


def test_exchange_and_the_parts_by_hand(gr4j: ModuleType) -> None:
    """F = X2 (R/X3)^3.5 of the store as it was; 90 % of the rain passes UH1 and the store, 10 % UH2 alone."""
    x = np.array([[300.0, -2.0, 80.0, 1.0]])
    day = np.array([[7.0]])
    f = -2.0 * 0.5**3.5
    q, exchange, r = gr4j.routed(x[:, 1], x[:, 2], day, 0.1 * day)
    filled = 40.0 + 7.0 + f
    qr = filled * (1.0 - (1.0 + (filled / 80.0) ** 4) ** -0.25)
    np.testing.assert_allclose([q[0, 0], exchange[0, 0], r[0]], [qr + 0.7 + f, 2.0 * f, filled - qr])
    p, e = _weather(60, 1)
    pr, _, _ = gr4j.effective_rainfall(x[:, 0], p, e)
    # A base of one day: UH1 delays nothing, UH2 halves over two days.
    slow = 0.1 * pr
    slow[1:] = 0.05 * (pr[1:] + pr[:-1])
    slow[0] = 0.05 * pr[0]
    by_hand, _, _ = gr4j.routed(x[:, 1], x[:, 2], 0.9 * pr, slow)
    whole = gr4j.gr4j(x, np.stack([p, e], -1).transpose(1, 0, 2))
    np.testing.assert_allclose(whole[0], by_hand[:, 0], rtol=1e-12)


def test_limits(gr4j: ModuleType) -> None:
    days = 4_000
    steady, none = np.full((days, 1), 5.0), np.zeros((days, 1))
    x = np.array([[350.0, 0.0, 90.0, 1.7]])
    wet = gr4j.gr4j(x, np.stack([steady, none], -1).transpose(1, 0, 2))
    assert wet.shape == (1, days)
    assert wet[0, -1] == pytest.approx(5.0, rel=1e-6), "all that falls runs off in the end"
    dry = gr4j.gr4j(x, np.stack([none, steady], -1).transpose(1, 0, 2))
    assert 0.0 < dry[0, -1] < 1e-3, "nothing is left"
    _, evaporation, s = gr4j.effective_rainfall(np.array([350.0]), none, steady)
    assert evaporation.sum() + s[0] <= 0.3 * 350.0
    # An unbounded production store takes a small rain whole, and gives it back drop by drop.
    pr, _, _ = gr4j.effective_rainfall(np.array([1e9]), steady[:1] * 1e-9, none[:1])
    assert pr[0, 0] == pytest.approx(0.3e9 * (1.0 - (1.0 + (4.0 / 30.0) ** 4) ** -0.25), rel=1e-6)


def test_it_is_a_simulator_and_each_basin_stands_by_itself(gr4j: ModuleType) -> None:
    there = simulator.load(f"{FILE}:GR4J")
    about = there.description
    np.testing.assert_allclose(about.values(about.typical), [350.0, 0.0, 90.0, 1.7])
    p, e = _weather(100)
    weather = np.stack([p, e], -1).transpose(1, 0, 2)
    values = about.values(np.random.default_rng(1).random((4, 4)))
    whole = there(values, weather)
    for k in range(4):
        np.testing.assert_array_equal(there(values[k : k + 1], weather[k : k + 1])[0], whole[k])
