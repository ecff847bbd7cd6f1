"""Figures say what they show: panels, labels, units, legends; and they survive poor data."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure
from PIL import Image

from dhbv.evaluation import figures
from dhbv.evaluation.style import STYLE, save
from tests.evaluation import looks

NAMES = (
    "prcp", "surface_runoff", "interflow", "baseflow", "et", "pet", "swe", "soil_water", "upper_zone",
    "lower_zone", "beta", "gamma",
)  # fmt: skip
BASIN = "00000001"


def region(basins: int) -> xr.Dataset:
    rng = np.random.default_rng(basins)
    dims = {
        "basin": [f"{n:08d}" for n in range(1, basins + 1)],
        "time": pd.date_range("1999-10-01", periods=800),
    }
    size = tuple(map(len, dims.values()))
    fluxes = xr.Dataset({name: (tuple(dims), rng.gamma(1.0, 2.0, size)) for name in NAMES}, dims)
    return fluxes.assign(runoff=fluxes.surface_runoff + fluxes.interflow + fluxes.baseflow)


@pytest.fixture(params=[1, 6], ids=["one basin", "six basins"])
def fluxes(request: pytest.FixtureRequest) -> xr.Dataset:
    return region(request.param)


@pytest.fixture
def observed(fluxes: xr.Dataset) -> xr.DataArray:
    return (1.1 * fluxes.runoff).rename("streamflow")


@pytest.fixture
def nse(fluxes: xr.Dataset) -> pd.Series:
    return pd.Series(np.linspace(-1.0, 0.9, fluxes.sizes["basin"]), fluxes.indexes["basin"])


@pytest.fixture
def place(fluxes: xr.Dataset) -> tuple[pd.Series, pd.Series]:
    basins = fluxes.indexes["basin"]
    ends = np.linspace(0.0, 1.0, len(basins))
    return pd.Series(30.0 + 18.0 * ends, basins), pd.Series(-120.0 + 50.0 * ends, basins)


def test_hydrograph(fluxes: xr.Dataset, observed: xr.DataArray) -> None:
    figure = figures.hydrograph(fluxes, observed, BASIN)
    top, bottom = figure.axes
    looks.check(figure)
    assert top.yaxis_inverted()
    assert looks.legend(figure) == ["baseflow", "interflow", "surface runoff", "observed"]
    assert re.fullmatch(r"basin 00000001, NSE 0\.9\d over these days", top.get_title("left"))
    assert "mm d$^{-1}$" in bottom.get_ylabel()


def test_hydrograph_without_observations(fluxes: xr.Dataset, observed: xr.DataArray, tmp_path: Path) -> None:
    figure = figures.hydrograph(fluxes, np.nan * observed, BASIN)
    assert "NSE –" in figure.axes[0].get_title("left")
    save(figure, tmp_path / "unseen.png")
    assert "observed" not in looks.legend(figures.hydrograph(fluxes, None, BASIN))


def test_hydrograph_takes_the_days_of_the_fluxes(fluxes: xr.Dataset, observed: xr.DataArray) -> None:
    some = fluxes.isel(time=slice(100, 200))
    assert "NSE 0.9" in figures.hydrograph(some, observed[:, 120:], BASIN).axes[0].get_title("left")


def test_stores_and_fluxes(fluxes: xr.Dataset) -> None:
    figure = figures.stores_and_fluxes(fluxes, BASIN)
    looks.check(figure)
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert labels[:4] == ["SWE (mm)", "soil water (mm)", "upper zone (mm)", "lower zone (mm)"]
    assert looks.legend(figure) == ["potential", "actual"]


def test_dynamic_parameters(fluxes: xr.Dataset) -> None:
    figure = figures.dynamic_parameters(fluxes, truth=fluxes + 1.0)
    looks.check(figure)
    assert len(figure.axes) == 2
    assert looks.legend(figure) == ["simulated, quartiles", "simulated, median", "truth, median"]
    simulated, truth = (line.get_ydata() for line in figure.axes[0].lines)
    np.testing.assert_allclose(np.asarray(truth), np.asarray(simulated) + 1.0)
    assert len(figures.dynamic_parameters(fluxes.drop_vars("gamma")).axes) == 1


def test_season_is_the_median_of_basins_and_years(fluxes: xr.Dataset) -> None:
    second_of_january = fluxes.beta.where(fluxes.time.dt.dayofyear == 2, drop=True)
    assert second_of_january.sizes["time"] == 2
    line = figures.dynamic_parameters(fluxes).axes[0].lines[0]
    assert np.asarray(line.get_ydata())[1] == pytest.approx(float(second_of_january.median()))


def test_recovery(fluxes: xr.Dataset) -> None:
    figure = figures.recovery(fluxes.isel(time=slice(100, None)), truth=fluxes[{"time": slice(700)}])
    looks.check(figure)
    assert len(figure.axes) == len(figures.RECOVERED)
    several = fluxes.sizes["basin"] > 1
    assert {ax.get_title("left") for ax in figure.axes} == {"r = 1.00" if several else "r = –"}
    assert len(figures.recovery(fluxes, truth=fluxes[["et", "beta"]]).axes) == 2


@pytest.mark.parametrize("missing", [False, True], ids=["observed", "unobserved"])
def test_overview(
    fluxes: xr.Dataset,
    observed: xr.DataArray,
    nse: pd.Series,
    place: tuple[pd.Series, pd.Series],
    tmp_path: Path,
    missing: bool,
) -> None:
    seen = np.nan * observed if missing else observed
    figure = figures.overview(fluxes, seen, {"ours": nse}, BASIN, *place)
    looks.check(figure)
    assert len(figure.axes) == 7, "rain, flow, skill, βt, γt, map, colour bar"
    path = save(figure, tmp_path / "overview.png")
    with Image.open(path) as picture:
        assert picture.size == (1200, 750)
    assert path.stat().st_size < 150_000


def test_overview_of_a_chosen_period(
    fluxes: xr.Dataset, observed: xr.DataArray, nse: pd.Series, place: tuple[pd.Series, pd.Series]
) -> None:
    period = slice("2000-01-01", "2000-03-31")
    figure = figures.overview(fluxes, observed, {"ours": nse}, BASIN, *place, period=period)
    first, last = (mdates.num2date(x) for x in figure.axes[1].get_xlim())
    assert (f"{first:%m-%d %H}", f"{last:%m-%d %H}") == ("12-31 12", "03-31 12")


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_save_makes_the_folder_and_a_picture(fluxes: xr.Dataset, tmp_path: Path, suffix: str) -> None:
    path = save(figures.stores_and_fluxes(fluxes, BASIN), tmp_path / "new" / f"stores.{suffix}", dpi=50)
    if suffix == "png":
        with Image.open(path) as picture:
            assert len(np.unique(np.asarray(picture.convert("L")))) > 20, "not blank"
    assert path.stat().st_size > 1000


def test_a_callers_settings_neither_change_nor_matter(fluxes: xr.Dataset) -> None:
    with mpl.rc_context({"font.size": 30}):
        figure = figures.stores_and_fluxes(fluxes, BASIN)
        assert mpl.rcParams["font.size"] == 30
    assert figure.axes[0].yaxis.label.get_fontsize() == STYLE["font.size"]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda f: figures.hydrograph(f, None, "9"), "basin 9 is not among the .* basins of these fluxes"),
        (lambda f: figures.stores_and_fluxes(f, "9"), "basin 9 is not among"),
        (lambda f: figures.dynamic_parameters(f[["et"]]), "needs at least one of beta, gamma"),
        (lambda f: figures.recovery(f, f[["prcp"]]), "needs at least one of beta, gamma, et, baseflow"),
    ],
)
def test_errors_say_what_is_missing(
    fluxes: xr.Dataset, draw: Callable[[xr.Dataset], Figure], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        draw(fluxes)
