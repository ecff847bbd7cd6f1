"""Worse challengers are rejected, better ones promoted, equal ones left where they are.

The truth is known: one small model makes the observations, apart from some noise, so that it is the
best there can be and every change of its weights is for the worse.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.colors
import msgspec
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from dhbv import forecast, model_directory
from dhbv.configuration import Period, parse
from dhbv.data.synthetic import synthetic_region
from dhbv.errors import ConfigurationError, DhbvError
from dhbv.evaluation import challenge as challenging
from dhbv.evaluation import score_figures, style
from dhbv.evaluation.challenge import ALL, HELD_OUT, GateConfig, challenge
from dhbv.evaluation.scorecard import Check, Scorecard
from dhbv.model_directory import ModelDirectory
from tests.conftest import ATTRIBUTES, attribute_table
from tests.small_models import small_model, small_weights

PERIOD = Period(start=dt.date(2003, 10, 1), end=dt.date(2004, 9, 30))
Weights = dict[str, NDArray[np.float32]]


# Real runs.


def true_weights() -> Weights:
    """Random ones, but less percolation: with the middle of its range there is hardly a flow but baseflow."""
    weights = small_weights()
    weights["mlp.1.bias"][24:28] -= 2.0
    return weights


def noisy(seed: int, amount: float) -> Weights:
    rng = np.random.default_rng(seed)
    return {name: w + rng.normal(0.0, amount, w.shape).astype("f4") for name, w in true_weights().items()}


def scaled_head(name: str, factor: float) -> Weights:
    return {k: w * np.float32(factor if k.startswith(name) else 1.0) for k, w in true_weights().items()}


def less_trained(share: float) -> Weights:
    """Only so far on the way from other random weights to the true ones."""
    start = small_weights(seed=99)
    return {k: np.float32(share) * w + np.float32(1.0 - share) * start[k] for k, w in true_weights().items()}


WORSE: list[tuple[str, Callable[[], Weights]]] = [
    *((f"noise {a:g}, seed {s}", lambda s=s, a=a: noisy(s, a)) for s, a in enumerate((0.05, 0.07, 0.1, 0.1, 0.2, 0.3, 0.5, 1.0))),
    *((f"static head × {f:g}", lambda f=f: scaled_head("mlp.1", f)) for f in (0.0, 0.5, 0.8, 1.5)),
    *((f"trained {s:.0%} of the way", lambda s=s: less_trained(s)) for s in (0.2, 0.5, 0.8, 0.9)),
    *((f"random weights {s}", lambda s=s: small_weights(seed=s)) for s in (11, 12, 13, 14)),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("challenge")


@pytest.fixture(scope="module")
def truth(folder: Path) -> ModelDirectory:
    return small_model(folder / "truth", weights=true_weights())


@pytest.fixture(scope="module")
def worse(folder: Path) -> ModelDirectory:
    return small_model(folder / "worse", weights=noisy(0, 0.2))


@pytest.fixture(scope="module")
def region(truth: ModelDirectory) -> xr.Dataset:
    """Eight basins whose observed flow is the true model's, within 20 %."""
    return _observed(landscape(8), truth, seed=0)


def landscape(basins: int) -> xr.Dataset:
    """Synthetic weather, and attributes of the range that the small models know."""
    region = synthetic_region(n_basins=basins, years=2, start="2002-10-01", seed=2).region
    table = attribute_table(basins)
    return region.assign(
        {name: ("basin", np.array(table[name], dtype=region[name].dtype)) for name in ATTRIBUTES}
    )


def _observed(region: xr.Dataset, model: ModelDirectory, seed: int) -> xr.Dataset:
    first = str(region["time"].values[0])[:10]
    whole = Period(start=dt.date.fromisoformat(first), end=PERIOD.end)
    flow = forecast.run(model, region, whole, spin_up_days=0, outputs=("runoff",))[0]["runoff"]
    noise = np.exp(np.random.default_rng(seed).normal(0.0, 0.2, flow.shape))
    return region.assign(streamflow=(flow * noise).astype("f4"))


@pytest.fixture(autouse=True)
def run_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A model that serves in many tests runs once for the same region."""
    plain, known = challenging._run, _RUNS

    def run(model: ModelDirectory, region: xr.Dataset, period: Period, gate: GateConfig) -> pd.DataFrame:
        key = (model.weights_sha256, id(region), str(period), gate.precision)
        if key not in known:
            # The region is kept, so that its id stays its own.
            known[key] = (plain(model, region, period, gate), region)
        return known[key][0].copy()

    if "real_runs" not in request.fixturenames:
        monkeypatch.setattr(challenging, "_run", run)


_RUNS: dict[tuple[object, ...], tuple[pd.DataFrame, xr.Dataset]] = {}


@pytest.fixture
def real_runs() -> None:
    """Asked for by tests that meddle with runs."""


def check(card: Scorecard, name: str) -> Check:
    (found,) = [c for c in card.checks if c.name == name]
    return found


@pytest.mark.parametrize("weights", [make for _, make in WORSE], ids=[name for name, _ in WORSE])
def test_a_planted_worse_challenger_is_rejected(
    truth: ModelDirectory, region: xr.Dataset, weights: Callable[[], Weights], tmp_path: Path
) -> None:
    """Bar 11: 20 of 20, and for its skill, not by the way."""
    card = challenge(small_model(tmp_path / "planted", weights=weights()), truth, region, PERIOD)
    assert card.decision == "reject"
    nse = check(card, "NSE, all basins")
    assert not nse.passed
    assert "the lower end must be above +0.002" in nse.finding
    assert nse.finding in card.reasons
    assert card.comparisons[0].gain < 0.0
    assert card.comparisons[0].probability < 0.1


def test_there_are_twenty_of_them() -> None:
    assert len({name for name, _ in WORSE}) == 20


def test_a_better_challenger_is_promoted(
    truth: ModelDirectory, worse: ModelDirectory, region: xr.Dataset
) -> None:
    card = challenge(truth, worse, region, PERIOD, held_out=list(region["basin"].values[:5]))
    assert card.decision == "promote"
    assert all(c.passed for c in card.checks)
    assert (card.challenger, card.champion) == (truth.weights_sha256, worse.weights_sha256)
    assert ", better: " in check(card, "NSE, all basins").finding
    assert ", not worse: " in check(card, "NSE, held-out basins").finding
    assert [(c.group, c.score, c.basins) for c in card.comparisons] == [
        (ALL, "nse", 8), (ALL, "kge", 8), (HELD_OUT, "nse", 5), (HELD_OUT, "kge", 5),
    ]  # fmt: skip
    assert card.comparisons[0].challenger > 0.9 > card.comparisons[0].champion


def test_scores_are_those_of_an_evaluation(
    truth: ModelDirectory,
    worse: ModelDirectory,
    region: xr.Dataset,
    monkeypatch: pytest.MonkeyPatch,
    real_runs: None,
) -> None:
    from dhbv.evaluation.evaluate import evaluate

    # In two pieces, the second of one basin.
    monkeypatch.setattr(challenging, "BASINS_AT_ONCE", 7)
    card = challenge(truth, worse, region, PERIOD)
    for label, model in (("challenger", truth), ("champion", worse)):
        expected = evaluate(model, region, PERIOD).table
        for name in ("nse", "kge", "bfi"):
            np.testing.assert_allclose(card.table[f"{name}_{label}"], expected[name], rtol=1e-5)
    gain = card.table["nse_challenger"] - card.table["nse_champion"]
    assert card.comparisons[0].gain == pytest.approx(gain.median())
    assert list(card.table.index) == list(region["basin"].values)


def test_an_identical_challenger_is_never_promoted(
    truth: ModelDirectory, region: xr.Dataset, tmp_path: Path
) -> None:
    copy = small_model(tmp_path / "copy", weights=true_weights())
    for gate in (GateConfig(), GateConfig(margin=0.0, seed=7)):
        card = challenge(copy, truth, region, PERIOD, gate=gate)
        assert card.decision == "reject"
        assert card.reasons[0] == (
            "the weights are identical to the champion's, byte for byte: there is nothing to promote"
        )
        assert (card.comparisons[0].gain, card.comparisons[0].probability) == (0.0, 0.5)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_equal_skill_with_other_weights_keeps_the_champion(
    truth: ModelDirectory, region: xr.Dataset, tmp_path: Path, precision: str
) -> None:
    """The hidden units in another order are other weights, and the same model."""
    weights = true_weights()
    order = np.random.default_rng(0).permutation(16)
    weights |= {name: weights[name][order] for name in ("mlp.0.weight", "mlp.0.bias")}
    weights["mlp.1.weight"] = weights["mlp.1.weight"][:, order]
    gate = parse({"precision": precision}, GateConfig, source="gate")
    card = challenge(small_model(tmp_path / "permuted", weights=weights), truth, region, PERIOD, gate=gate)
    assert check(card, "new weights").passed
    assert not [row.name for row in card.plausibility if row.passed is False]
    assert card.decision == "reject"
    assert len(card.reasons) == 1
    assert "not shown to be better" in card.reasons[0] or "worse" in card.reasons[0]
    assert abs(card.comparisons[0].gain) < 1e-4


@pytest.mark.parametrize(("basins", "decision"), [(4, "reject"), (5, "promote")])
def test_four_basins_show_nothing(
    truth: ModelDirectory, worse: ModelDirectory, region: xr.Dataset, basins: int, decision: str
) -> None:
    seen = region["streamflow"].where(np.arange(8)[:, None] < basins)
    card = challenge(truth, worse, region.assign(streamflow=seen), PERIOD)
    assert card.decision == decision
    if basins == 4:
        assert card.reasons[0] == (
            "NSE, all basins: 4 basins have a score, 5 are the least that show anything"
        )
        assert any(note.startswith("4 of 8 basins have no score of either model") for note in card.notes)


def test_a_group_of_too_few_held_out_basins_cannot_speak_for_promotion(
    truth: ModelDirectory, worse: ModelDirectory, region: xr.Dataset
) -> None:
    card = challenge(truth, worse, region, PERIOD, held_out=list(region["basin"].values[:2]))
    assert card.decision == "reject"
    assert {r.split(":")[0] for r in card.reasons} == {"NSE, held-out basins", "KGE, held-out basins"}


def test_worse_in_held_out_basins_is_rejected_though_better_in_all(
    truth: ModelDirectory, worse: ModelDirectory
) -> None:
    """Of 20 basins 5 flow as the champion says."""
    region = landscape(20)
    held_out = list(region["basin"].values[:5])
    ours, theirs = (_observed(region, m, seed=1)["streamflow"] for m in (truth, worse))
    mixed = region.assign(
        streamflow=xr.where(region["basin"].isin(held_out), theirs, ours).transpose(*ours.dims)
    )
    card = challenge(truth, worse, mixed, PERIOD, held_out=held_out, gate=GateConfig(worst_loss=1.0))
    assert check(card, "NSE, all basins").passed
    assert card.decision == "reject"
    assert {r.split(":")[0] for r in card.reasons} == {"NSE, held-out basins", "KGE, held-out basins"}


def test_the_first_champion_must_be_better_than_the_mean_flow(
    truth: ModelDirectory, worse: ModelDirectory, region: xr.Dataset
) -> None:
    card = challenge(truth, None, region, PERIOD)
    assert card.decision == "promote"
    assert card.champion is None
    assert check(card, "NSE, all basins").finding.endswith("over 8 basins, the floor is above 0")
    reversed_flow = region["streamflow"].copy(data=region["streamflow"].values[:, ::-1])
    card = challenge(truth, None, region.assign(streamflow=reversed_flow), PERIOD)
    assert card.decision == "reject"
    assert card.comparisons[0].challenger < 0.0
    assert challenge(worse, None, region, PERIOD, gate=GateConfig(floor=0.99)).decision == "reject"


def _tampered(monkeypatch: pytest.MonkeyPatch, weights: str, change: Callable[[xr.Dataset], None]) -> None:
    """Every run of the model with these weights is changed."""
    plain = forecast.run

    def run(model: ModelDirectory, *args: Any, **kwargs: Any) -> Any:
        fluxes, state = plain(model, *args, **kwargs)
        if model.weights_sha256 == weights:
            change(fluxes)
        return fluxes, state

    monkeypatch.setattr(challenging.forecast, "run", run)


def _leak(fluxes: xr.Dataset) -> None:
    fluxes["et"][2] *= 0.98


def _negative(fluxes: xr.Dataset) -> None:
    fluxes["interflow"][2, 100] -= 9.0
    fluxes["surface_runoff"][2, 100] += 9.0


@pytest.mark.parametrize(("change", "rule"), [(_leak, "mass, each day"), (_negative, "not negative")])
def test_a_better_challenger_with_implausible_water_is_rejected(
    truth: ModelDirectory, worse: ModelDirectory, region: xr.Dataset, monkeypatch: pytest.MonkeyPatch,
    change: Callable[[xr.Dataset], None], rule: str, real_runs: None,
) -> None:  # fmt: skip
    _tampered(monkeypatch, truth.weights_sha256, change)
    card = challenge(truth, worse, region, PERIOD)
    assert all(c.passed for c in card.checks), "its skill is not the reason"
    assert card.decision == "reject"
    assert card.reasons[0].startswith(f"{rule}: ")
    assert all("broken in 1 of 8 basins: syn-003" in reason for reason in card.reasons)


def test_flow_that_is_no_number_is_a_lost_basin(
    truth: ModelDirectory,
    worse: ModelDirectory,
    region: xr.Dataset,
    monkeypatch: pytest.MonkeyPatch,
    real_runs: None,
) -> None:
    def blow_up(fluxes: xr.Dataset) -> None:
        fluxes["runoff"][3, 50] = np.nan

    _tampered(monkeypatch, truth.weights_sha256, blow_up)
    card = challenge(truth, worse, region, PERIOD)
    assert card.decision == "reject"
    assert np.isnan(card.table["nse_challenger"].iloc[3])
    assert [c.lost for c in card.comparisons] == [1, 1]
    assert "8 basins; 1 basins lost)" in check(card, "NSE, all basins").finding
    assert not check(card, "worst-served basins").passed
    assert any(reason.startswith("finite: 1 values are NaN or infinite") for reason in card.reasons)
    # The other way round the champion has no score to compare with.
    card = challenge(worse, truth, region, PERIOD)
    assert card.comparisons[0].basins == 7
    assert "1 basins have a score of the challenger alone and were left out: syn-004" in card.notes


def test_a_challenger_that_is_lost_everywhere_is_rejected_not_raised(
    truth: ModelDirectory,
    worse: ModelDirectory,
    region: xr.Dataset,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    real_runs: None,
) -> None:
    def vanish(fluxes: xr.Dataset) -> None:
        for name in fluxes:
            fluxes[name][:] = np.nan

    _tampered(monkeypatch, truth.weights_sha256, vanish)
    card = challenge(truth, worse, region, PERIOD)
    assert card.decision == "reject"
    assert (card.comparisons[0].lost, card.comparisons[0].lower) == (8, -np.inf)
    assert json.loads(card.to_json())["comparisons"][0]["lower"] is None
    assert card.figure(tmp_path / "nan.png").stat().st_size > 1000
    assert "| all basins | NSE | 8 | 0." in card.markdown()


# Conditions that need no run.


def with_data(
    model: ModelDirectory, path: Path, weights: Weights | None = None, **data: Any
) -> ModelDirectory:
    """The model with another account of its training."""
    changed = msgspec.structs.replace(model.config.data, **data)
    config = msgspec.structs.replace(model.config, data=changed)
    return model_directory.save(
        path, config, model.statistics, weights or model.weights, data_digest="none", scores={}
    )  # fmt: skip


def test_days_and_basins_the_challenger_has_seen_are_not_held_out(
    truth: ModelDirectory, worse: ModelDirectory, region: xr.Dataset, tmp_path: Path
) -> None:
    held_out = [str(b) for b in region["basin"].values[:5]]
    seen = with_data(
        truth, tmp_path / "seen", basins=tuple(held_out[3:]),
        test=Period(start=dt.date(2010, 1, 1), end=dt.date(2010, 12, 31)),
        train=Period(start=dt.date(2000, 10, 1), end=dt.date(2003, 10, 10)),
        validation=Period(start=dt.date(2004, 9, 26), end=dt.date(2005, 1, 1)),
    )  # fmt: skip
    card = challenge(seen, worse, region, PERIOD, held_out=held_out)
    assert card.reasons == (
        "the challenger was trained or stopped on 15 of these 366 days: judge it on later ones",
        "the challenger was trained on 2 of the 5 held-out basins: syn-004, syn-005",
    )
    # A champion that has seen them is only the harder to beat.
    card = challenge(
        small_model(tmp_path / "other", weights=noisy(1, 0.2)), seen, region, PERIOD, held_out=held_out
    )
    assert "the champion was trained or stopped on 15 of these 366 days, which favours it" in card.notes
    assert any(note.startswith("the champion was trained on 2 of the held-out basins") for note in card.notes)


def test_held_out_basins_must_be_in_the_region(
    truth: ModelDirectory, worse: ModelDirectory, region: xr.Dataset
) -> None:
    with pytest.raises(DhbvError, match="lacks 2 of 3 held-out basins: elsewhere, nowhere; correct held_out"):
        challenge(truth, worse, region, PERIOD, held_out=["syn-001", "elsewhere", "nowhere"])
    with pytest.raises(DhbvError, match="give data that cover it"):
        challenge(truth, worse, region, Period(start=PERIOD.start, end=dt.date(2009, 1, 1)))


def test_the_smoke_test_is_of_the_very_directory(
    truth: ModelDirectory, worse: ModelDirectory, region: xr.Dataset
) -> None:
    tried: list[Path] = []
    card = challenge(truth, worse, region, PERIOD, smoke=tried.append)
    assert tried == [truth.path]
    assert card.decision == "promote"
    assert "the smoke test passed" in check(card, "directory as shipped").finding
    assert not card.notes

    def fail(path: Path) -> None:
        raise RuntimeError("no get_value_ptr |\nfor SWE")

    card = challenge(truth, worse, region, PERIOD, smoke=fail)
    assert card.decision == "reject"
    assert card.reasons == ("truth cannot be shipped: RuntimeError: no get_value_ptr |\nfor SWE",)
    assert "- truth cannot be shipped: RuntimeError: no get_value_ptr \\| for SWE\n" in card.markdown()
    untested = challenge(truth, worse, region, PERIOD)
    assert untested.notes[0].startswith("no smoke test was given: run the directory once")


def test_a_directory_damaged_or_replaced_since_it_was_loaded_is_not_shipped(
    worse: ModelDirectory, region: xr.Dataset, tmp_path: Path
) -> None:
    model = small_model(tmp_path / "model", weights=true_weights())
    path = model.path / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    card = challenge(model, worse, region, PERIOD, smoke=lambda _: pytest.fail("not to be run"))
    assert card.decision == "reject"
    assert "ModelDirectoryError" in card.reasons[0]
    assert "is damaged: its sha256 is not the one in manifest.json" in card.reasons[0]
    (tmp_path / "model").rename(tmp_path / "old")
    small_model(tmp_path / "model", weights=noisy(2, 0.2))
    card = challenge(model, worse, region, PERIOD)
    assert card.reasons == ("model was replaced while it was judged",)


# Decisions from chosen scores.


@pytest.fixture
def judged(
    truth: ModelDirectory, worse: ModelDirectory, monkeypatch: pytest.MonkeyPatch, real_runs: None
) -> Callable[..., Scorecard]:
    """judged(ours, theirs, …): a challenge whose scores of the basins are given."""
    plausible = {
        "not_finite": 0, "least": 0.0, "least_of": "et", "day_residual": 0.0, "period_residual": 0.0,
        "parts_residual": 0.0, "et_excess": 0.0, "et_over_p": 0.5, "bfi": 0.5, "coldest": -5.0, "most_swe": 9.0,
        "firn": 0.0,
    }  # fmt: skip

    def judge(ours: Any, theirs: Any, kge: tuple[Any, Any] | None = None, **options: Any) -> Scorecard:
        names = pd.Index([f"b{n:02d}" for n in range(len(ours))])
        region = xr.Dataset(coords={"basin": names.to_numpy(object)})
        given = {truth.weights_sha256: 0, worse.weights_sha256: 1}

        def run(model: ModelDirectory, *_: Any) -> pd.DataFrame:
            which = given[model.weights_sha256]
            scores = {"nse": (ours, theirs)[which], "kge": (kge or (ours, theirs))[which]}
            return pd.DataFrame(scores | plausible, names)

        monkeypatch.setattr(challenging, "_run", run)
        champion = None if theirs is None else worse
        return challenge(truth, champion, region, PERIOD, **options)

    return judge


THEIRS = np.linspace(0.3, 0.9, 41)


def test_a_gain_must_exceed_the_margin_in_all_but_luck(judged: Callable[..., Scorecard]) -> None:
    assert judged(THEIRS + 0.0021, THEIRS).decision == "promote"
    assert judged(THEIRS + 0.0019, THEIRS).decision == "reject"
    assert judged(THEIRS + 0.0019, THEIRS, gate=GateConfig(margin=0.001)).decision == "promote"
    split = THEIRS + np.where(np.arange(41) % 5 < 3, 0.05, -0.03)
    card = judged(split, THEIRS)
    assert card.comparisons[0].gain > 0.04, "better in the median, but not surely"
    assert card.decision == "reject"
    assert "not shown to be better" in card.reasons[0]


def test_kge_must_not_pay_for_nse(judged: Callable[..., Scorecard]) -> None:
    assert judged(THEIRS + 0.1, THEIRS, kge=(THEIRS - 0.009, THEIRS)).decision == "promote"
    card = judged(THEIRS + 0.1, THEIRS, kge=(THEIRS - 0.011, THEIRS))
    assert [r.split(":")[0] for r in card.reasons] == ["KGE, all basins"]


def test_the_worst_served_must_not_pay_for_the_rest(judged: Callable[..., Scorecard]) -> None:
    ours = THEIRS + 0.05
    for fall, decision in ((0.04, "promote"), (0.06, "reject")):
        ours[:6] = THEIRS[4] - fall
        card = judged(ours, THEIRS)
        assert card.decision == decision
    assert [r.split(":")[0] for r in card.reasons] == ["worst-served 10% of basins"]


def test_basins_without_scores_are_lost_left_out_or_new(judged: Callable[..., Scorecard]) -> None:
    ours, theirs = THEIRS + 0.1, THEIRS.copy()
    ours[[0, 1]] = theirs[[1, 2, 3]] = np.nan
    card = judged(ours, theirs)
    assert (card.comparisons[0].basins, card.comparisons[0].lost) == (38, 1)
    assert card.comparisons[0].gain == pytest.approx(0.1)
    assert card.decision == "promote", "one of 38 lost does not move a median; the rules see to NaN"
    assert any("1 of 41 basins have no score of either model" in n and "b01" in n for n in card.notes)
    assert any("2 basins have a score of the challenger alone" in n for n in card.notes)
    ours[5:30] = np.nan
    card = judged(ours, theirs)
    assert card.comparisons[0].lower == -np.inf
    assert card.decision == "reject"


@pytest.mark.parametrize("n", [0, 1, 4])
def test_without_scores_nothing_is_promoted(judged: Callable[..., Scorecard], n: int) -> None:
    nothing = np.full(9, np.nan)
    nothing[:n] = 0.5
    for theirs in (nothing - 0.3, None):
        card = judged(nothing, theirs)
        assert card.decision == "reject"
        assert f"{n} basins have a score" in card.reasons[0]
        card.markdown()
        json.loads(card.to_json())


def test_chance_promotes_seldom(judged: Callable[..., Scorecard]) -> None:
    """Two models of equal skill: at a two-sided 95 % and no margin, one in forty passes by luck."""
    rng = np.random.default_rng(0)
    gate = GateConfig(margin=0.0, samples=200, worst_loss=9.0, tolerance=9.0)
    lucky = sum(
        judged(THEIRS + rng.normal(0.0, 0.05, 41), THEIRS, gate=gate).decision == "promote" for _ in range(40)
    )
    assert lucky <= 5, "four standard errors above 1"


# The scorecard itself.


@pytest.fixture
def card(truth: ModelDirectory, worse: ModelDirectory, region: xr.Dataset) -> Scorecard:
    return challenge(truth, worse, region, PERIOD, held_out=list(region["basin"].values[:5]))


def test_markdown_begins_with_the_decision(
    card: Scorecard, truth: ModelDirectory, worse: ModelDirectory, region: xr.Dataset
) -> None:
    lines = card.markdown().splitlines()
    assert lines[0] == f"# PROMOTE challenger `{truth.weights_sha256[:12]}`"
    assert lines[2] == f"It is fit to serve in place of champion `{worse.weights_sha256[:12]}`."
    assert lines[4] == "## Why"
    rejected = challenge(worse, truth, region, PERIOD).markdown().splitlines()
    assert rejected[0] == f"# REJECT challenger `{worse.weights_sha256[:12]}`"
    assert (
        rejected[2]
        == f"Champion `{truth.weights_sha256[:12]}` goes on serving; nothing needs to be done tonight."
    )
    assert rejected[6].startswith("- NSE, all basins: median gain -")
    first = challenge(worse, None, region, PERIOD, gate=GateConfig(floor=0.99)).markdown()
    assert "nothing may serve until a model passes" in first
    for row in card.plausibility:
        assert f"**{row.name}**" in card.markdown()
    widths = {line.count("|") for line in lines if line.startswith("|") and "**" in line}
    assert widths == {6}, "no cell breaks the table of rules"


def test_json_is_strict_and_the_same_for_the_same_findings(
    card: Scorecard, truth: ModelDirectory, worse: ModelDirectory, region: xr.Dataset
) -> None:
    content = json.loads(card.to_json(), parse_constant=lambda c: pytest.fail(c))
    assert content["decision"] == "promote"
    assert content["gate"]["margin"] == 0.002
    assert content["gate"]["plausibility"]["firn"] == 50.0
    assert content["comparisons"][2]["group"] == HELD_OUT
    assert content["basins"]["syn-006"]["held_out"] is False
    assert content["basins"]["syn-001"]["nse_gain"] == pytest.approx(card.table["nse_gain"].iloc[0])
    assert {row["name"] for row in content["plausibility"]} == {row.name for row in card.plausibility}
    again = challenge(truth, worse, region, PERIOD, held_out=list(region["basin"].values[:5]))
    assert again.to_json() == card.to_json()
    assert challenge(truth, worse, region, PERIOD, gate=GateConfig(seed=1)).to_json() != card.to_json()


def test_the_figure_is_a_picture(card: Scorecard, tmp_path: Path) -> None:
    path = card.figure(tmp_path / "new" / "scorecard.png")
    with Image.open(path) as picture:
        assert picture.size == (1300, 420)
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20, "not blank"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    kept: list[Figure] = []
    monkeypatch.setattr("dhbv.evaluation.scorecard.save", lambda figure, path: kept.append(figure))
    return kept


def test_the_figure_shows_pairs_shares_and_gains(
    card: Scorecard, truth: ModelDirectory, region: xr.Dataset, drawn: list[Figure]
) -> None:
    card.figure(Path("x.png"))
    pairs, shares, gains = drawn[0].axes
    assert (pairs.get_xlabel(), pairs.get_ylabel()) == ("NSE of champion (–)", "NSE of challenger (–)")
    assert pairs.get_title("left") == "better in 8 of 8 basins"
    points = np.concatenate([np.asarray(c.get_offsets()) for c in pairs.collections])
    expected = card.table.sort_values("held_out", kind="stable")[["nse_champion", "nse_challenger"]]
    np.testing.assert_allclose(points, expected.clip(lower=score_figures.WORST_SHOWN))
    legend = pairs.get_legend()
    assert legend is not None
    assert [t.get_text() for t in legend.get_texts()] == ["not held out (3)", "held out (5)"]
    assert (shares.get_xlabel(), shares.get_ylabel()) == ("NSE (–)", "share of basins (–)")
    assert gains.get_xlabel() == "median gain over basins (–)"
    assert gains.get_yticklabels()[2].get_text() == "NSE, held-out basins (5)"
    first = card.comparisons[0]
    np.testing.assert_allclose(gains.lines[1].get_xdata(), [first.lower, first.upper])
    used = {matplotlib.colors.to_hex(line.get_color()).upper() for line in gains.lines}
    assert used <= {style.BLACK, style.GREEN, style.VERMILLION, style.GREY}, "told apart by the colour-blind"
    challenge(truth, None, region, PERIOD).figure(Path("x.png"))
    (alone,) = drawn[1].axes
    assert alone.get_xlabel() == "NSE (–)"


def test_thresholds_are_read_strictly() -> None:
    assert parse({"margin": 0.01}, GateConfig, source="gate.yaml").margin == 0.01
    for content, message in (
        ({"magin": 1}, "unknown field `magin`"),
        ({"min_basins": 4}, r"min_basins: .*>= 5.*given: 4"),
        ({"confidence": 95}, r"confidence: .*< 1\.0"),
        ({"precision": "float16"}, "precision: "),
        ({"plausibility": {"firn": -1}}, r"plausibility\.firn: .*>= 0\.0"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            parse(content, GateConfig, source="gate.yaml")
