"""A map says what of which day it shows, and in which unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import PowerNorm
from PIL import Image
from typer.testing import CliRunner

from dhbv.cli import app
from dhbv.errors import DhbvError
from dhbv.evaluation.scores import SCORES
from dhbv.physics.variables import VARIABLES
from dhbv.plots.region import is_skewed, of_day, of_score, read_scores
from tests.evaluation import looks
from tests.fluxes.conftest import Run
from tests.operations.conftest import Site

DAY = "2000-02-29"


SHAPES = {
    "wide": (50.0, 9.0),
    "square": (20.0, 18.0),
    "tall": (2.0, 24.0),
    "small": (0.9, 0.4),
    "one": (0.0, 0.0),
}
"""Degrees of longitude and latitude."""


def spread(shape: str = "wide", n: int = 30) -> xr.Dataset:
    """Fluxes of basins over a region; a few days of swe, runoff and beta."""
    rng = np.random.default_rng(0)
    ds = xr.Dataset(
        {name: (("basin", "time"), rng.gamma(0.3, 5.0, (n, 5))) for name in ("swe", "runoff", "beta")},
        {"basin": [f"{k:02d}" for k in range(n)], "time": pd.date_range("2000-02-27", periods=5)},
    )
    wide, high = SHAPES[shape]
    lat, lon = 30.3 + high * rng.random(n), -120.0 + wide * rng.random(n)
    return ds.assign_coords(latitude=("basin", lat), longitude=("basin", lon))


@pytest.mark.parametrize(
    ("name", "shape"),
    [("beta", "wide"), ("runoff", "square"), ("swe", "tall"), ("swe", "small"), ("swe", "one")],
)
def test_a_day_of_any_variable(name: str, shape: str) -> None:
    ds = spread(shape)
    figure = of_day(ds, name, DAY)
    looks.check(figure)
    title = figure.axes[0].get_title(loc="left")
    assert DAY in title
    assert VARIABLES[name].description in title
    assert "30 basins, median" in title
    assert ("at the end of" in title) == (name == "swe"), "a store is as at the day's end"
    bar = figure.axes[1].get_xlabel()
    assert bar == {"swe": "SWE (mm)", "runoff": "runoff (mm d$^{-1}$)", "beta": "β$_t$ (–)"}[name]
    drawn = np.concatenate([c.get_array() for c in figure.axes[0].collections if c.get_array() is not None])
    np.testing.assert_array_equal(np.sort(drawn), np.sort(ds[name].sel(time=DAY).values))


def test_a_few_large_values_do_not_hide_the_others() -> None:
    even, skewed = pd.Series(np.linspace(1.0, 2.0, 50)), pd.Series(np.r_[np.full(45, 1.0), np.full(5, 300.0)])
    assert is_skewed(skewed)
    assert not is_skewed(even)
    assert not is_skewed(-skewed), "a root of what is below 0 is none"
    assert not is_skewed(pd.Series(dtype=float))
    ds = spread()
    ds["swe"][:] = skewed.to_numpy()[-30:, None]
    points = [c for c in of_day(ds, "swe", DAY).axes[0].collections if c.get_array() is not None]
    assert isinstance(points[0].norm, PowerNorm)


def test_scores_have_their_words_and_units() -> None:
    table = pd.DataFrame(
        {"nse": np.linspace(-1, 0.9, 30), "rmse": 1.0, "days": 365}, spread()["basin"].values
    )
    figure = of_score(spread(), table, "nse", "scores.csv")
    looks.check(figure)
    assert figure.axes[1].get_xlabel() == "NSE (–)"
    assert SCORES["nse"].description in figure.axes[0].get_title(loc="left")
    assert of_score(spread(), table, "rmse", "s").axes[1].get_xlabel() == "RMSE (mm d$^{-1}$)"
    with pytest.raises(DhbvError, match=r"scores.csv has no column 'nsee' .nearest: nse"):
        of_score(spread(), table, "nsee", "scores.csv")


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(DhbvError, match=r"no swe of 1999-01-01: it is known of 2000-02-27..2000-03-02"):
        of_day(spread(), "swe", "1999-01-01")
    with pytest.raises(DhbvError, match="do not tell the longitude of their basins"):
        of_day(spread().drop_vars("longitude"), "swe", DAY)
    table = pd.DataFrame({"nse": [0.5]}, ["elsewhere"])
    with pytest.raises(DhbvError, match="of none of 1 basins is known where it lies"):
        of_score(spread(), table, "nse", "s")
    (tmp_path / "s.csv").write_text("gauge,nse\n1,2\n")
    with pytest.raises(DhbvError, match="no column 'basin': give what `dhbv evaluate --table` writes"):
        read_scores(tmp_path / "s.csv")
    for content in (b"", b"basin,nse\n\xff,1\n", b"basin,nse\n1,2\n1,2,3,4\n"):
        (tmp_path / "s.csv").write_bytes(content)
        with pytest.raises(
            DhbvError, match=r"s\.csv: no table \(.*\): give what `dhbv evaluate --table` writes"
        ):
            read_scores(tmp_path / "s.csv")


def test_the_command_maps_an_archive_and_a_table(
    site: Site, run: Run, whole: xr.Dataset, tmp_path: Path
) -> None:
    whole.to_netcdf(tmp_path / "region.nc")
    (tmp_path / "s.csv").write_text("basin,nse\n01,0.3\n02,0.8\n")
    for number, arguments in enumerate(
        (
            ["AET", "--fluxes", str(site.operation.fluxes)],
            ["nse", "--scores", str(tmp_path / "s.csv"), "--data", str(tmp_path / "region.nc")],
        )
    ):
        out = tmp_path / f"{number}.png"
        done = CliRunner().invoke(app, ["plot", "region", *arguments, "--out", str(out)])
        assert done.exit_code == 0, done.output
        with Image.open(out) as picture:
            assert picture.size[0] == 840
    for arguments, message in (
        (["nse", "--scores", str(tmp_path / "s.csv")], "name --data as well"),
        (
            ["nse", "--scores", str(tmp_path / "s.csv"), "--date", "1999-03-01"],
            "leave --fluxes and --date out",
        ),
        (["swe"], "there is nothing to map: name --fluxes"),
        (["sve", "--fluxes", str(site.operation.fluxes)], "nearest: SWE"),
    ):
        done = CliRunner().invoke(app, ["plot", "region", *arguments, "--out", str(tmp_path / "x.png")])
        assert isinstance(done.exception, DhbvError)
        assert message in str(done.exception)
