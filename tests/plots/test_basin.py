"""A basin's figure shows what it says, with units, nothing on top of anything."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from PIL import Image

from dhbv.errors import DhbvError
from dhbv.evaluation import style
from dhbv.plots.basin import PANELS, VARIABLES, changes, draw
from dhbv.plots.cycle import load
from tests.evaluation import looks
from tests.fluxes.conftest import Run

FLOW = [panel.lines[0].name for panel in PANELS].index("runoff")


@pytest.fixture(scope="module")
def past(run: Run) -> xr.Dataset:
    return run.fluxes.sel(time=slice("2000-01-01", "2000-06-30"))


@pytest.fixture(scope="module")
def basin(run: Run) -> str:
    return run.basins[1]


@pytest.fixture(scope="module")
def ahead(run: Run) -> xr.Dataset:
    """Ten days from 1 July, five quantiles."""
    days = run.fluxes[list(VARIABLES)].sel(time=slice("2000-07-01", "2000-07-10"))
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    return xr.concat([days * f for f in (0.6, 0.8, 1.0, 1.3, 1.9)], xr.Variable("quantile", levels))


def legend(ax: Axes) -> list[str]:
    found = ax.get_legend()
    return [] if found is None else [t.get_text() for t in found.get_texts()]


def heights(ax: Axes, k: int, time: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge of the area number `k`, day by day."""
    corners = ax.collections[k].get_paths()[0].vertices
    days = corners[:, 0]
    steps = np.unique(days)
    assert len(steps) == time.size
    edges = [(corners[days == d, 1].min(), corners[days == d, 1].max()) for d in steps]
    low, high = np.array(edges).T
    return low, high


@pytest.mark.parametrize("years", ["2000-01-01 2000-01-01", "2000-01-01 2001-01-20"])
def test_of_a_day_or_a_year_nothing_overlaps(run: Run, basin: str, years: str) -> None:
    first, last = years.split()
    figure = draw(basin, run.fluxes.sel(time=slice(first, last)), None, run.region["streamflow"])
    looks.check(figure)
    assert len(figure.axes) == len(PANELS)


def test_flow_is_stacked_to_the_runoff(past: xr.Dataset, basin: str) -> None:
    figure = draw(basin, past)
    ax = figure.axes[FLOW]
    of = past.sel(basin=basin)
    bottom = np.zeros(of.sizes["time"])
    for k, name in enumerate(("baseflow", "interflow", "surface_runoff")):
        low, high = heights(ax, k, of.time)
        np.testing.assert_allclose(low, bottom, atol=1e-9)
        np.testing.assert_allclose(high - low, of[name], atol=1e-9)
        bottom = high
    np.testing.assert_allclose(bottom, of.runoff, atol=1e-6)
    assert legend(ax) == ["baseflow", "interflow", "surface runoff"]
    assert figure.axes[0].yaxis_inverted()
    assert figure.axes[0].get_title(loc="left") == f"basin {basin}", "no score without observations"


def test_a_forecast_is_drawn_with_its_spread(
    past: xr.Dataset, ahead: xr.Dataset, basin: str, run: Run
) -> None:
    figure = draw(basin, past, ahead, run.region["streamflow"])
    looks.check(figure)
    ax = figure.axes[FLOW]
    assert legend(ax) == [
        "baseflow", "interflow", "surface runoff", "5–95 % of members", "25–75 % of members", "forecast, median", "observed",
    ]  # fmt: skip
    runoff = ahead.runoff.sel(basin=basin)
    for k, (low, high) in enumerate(((0, -1), (1, -2)), 3):
        found = heights(ax, k, ahead.time)
        np.testing.assert_allclose(found[0], runoff.isel(quantile=low))
        np.testing.assert_allclose(found[1], runoff.isel(quantile=high))
    dashed = next(line for line in ax.lines if line.get_label() == "forecast, median")
    np.testing.assert_allclose(dashed.get_ydata(), runoff.isel(quantile=2))
    assert "shaded: forecast from 2000-07-01 on" in figure.axes[0].get_title(loc="left")
    swatches = {to_hex(h.get_facecolor(), keep_alpha=True) for h in ax.get_legend().get_patches()}  # type: ignore[union-attr]
    assert len(swatches) == 5, "every area has a colour of its own"
    for panel in figure.axes:
        if (named := panel.get_legend()) is not None:
            assert named.get_window_extent().x0 > panel.get_window_extent().x1, (
                "no legend lies on what it names"
            )


def test_days_the_forecast_covers_are_not_drawn_twice(run: Run, ahead: xr.Dataset, basin: str) -> None:
    days = run.fluxes.sel(time=slice("2000-06-01", "2000-07-05"))
    low, _ = heights(draw(basin, days, ahead).axes[FLOW], 0, days.time[:30])
    assert len(low) == 30


def test_a_forecast_alone_single_or_of_members(ahead: xr.Dataset, basin: str) -> None:
    figure = draw(basin, None, ahead)
    looks.check(figure)
    assert legend(figure.axes[FLOW])[-1] == "forecast, median"
    single = draw(basin, None, ahead.isel(quantile=2, drop=True))
    assert legend(single.axes[FLOW]) == ["baseflow", "interflow", "surface runoff", "forecast"]


def test_a_spread_without_a_median_is_drawn_by_the_quantile_nearest_to_it(
    past: xr.Dataset, ahead: xr.Dataset, basin: str
) -> None:
    for chosen, word in (([1, 2, 3, 4], "median"), ([3, 4], "75 %")):
        part = ahead.isel(quantile=chosen)
        ax = draw(basin, past, part).axes[FLOW]
        assert f"forecast, {word}" in legend(ax)
        at = 1 if word == "median" else 0
        drawn = part["runoff"].isel(quantile=at).sel(basin=basin)
        assert any(np.array_equal(line.get_ydata(), drawn) for line in ax.lines)


def test_days_that_were_not_run_are_left_out_at_the_ends(past: xr.Dataset, basin: str, run: Run) -> None:
    holed = past.where(past.time > past.time[40])
    figure = draw(basin, holed, None, run.region["streamflow"])
    assert heights(figure.axes[FLOW], 0, past.time[41:])[0].size == past.sizes["time"] - 41
    within = draw(basin, past.where(past.time != past.time[60]), None, past.runoff)
    assert "NSE 1.00" in within.axes[0].get_title(loc="left"), "a day that was not run is not scored"


def test_the_score_is_of_the_days_drawn(past: xr.Dataset, basin: str) -> None:
    title = draw(basin, past, None, 1.0 * past.runoff).axes[0].get_title(loc="left")
    assert title == f"basin {basin}, NSE 1.00 over the days run"


def test_what_is_missing_is_told(past: xr.Dataset, basin: str) -> None:
    with pytest.raises(DhbvError, match="basin 9 is not among the 3 basins"):
        draw("9", past)
    with pytest.raises(DhbvError, match="neither days that were run nor a forecast"):
        draw(basin)
    with pytest.raises(DhbvError, match="no swe, gamma to draw"):
        draw(basin, past.drop_vars(["swe", "gamma"]))


def made_by(past: xr.Dataset, codes: np.ndarray) -> xr.Dataset:
    """As an archive tells it: by the first of the codes an operation's version, by the second one run by hand."""
    flags = {
        "flag_values": np.array([1, 2], np.int16),
        "flag_meanings": f"20240501T060000Z-{'ab12' * 3} {'cd34' * 16}",
    }
    table = np.broadcast_to(codes.astype(np.int16), (past.sizes["basin"], len(codes)))
    return past.assign(made_by=(("basin", "time"), table, flags))


def test_a_line_stands_where_other_weights_took_over(past: xr.Dataset, basin: str) -> None:
    codes = np.ones(past.sizes["time"])
    codes[60:] = 2
    codes[90:95] = 0  # not run
    codes[-3:] = 1
    told = made_by(past, codes)
    expected = [past.time.values[60], past.time.values[-3]]
    assert changes(told.sel(basin=basin)) == [(expected[0], "cd34" * 3), (expected[1], "ab12" * 3)]
    figure = draw(basin, told)
    looks.check(figure)
    for ax in figure.axes:
        upright = [line for line in ax.lines if line.get_linestyle() == ":"]
        found = [line.get_xdata()[0] for line in upright]  # type: ignore[index]
        assert found == [date2num(day - style.HALF_A_DAY) for day in expected]
    named = figure.axes[0].texts
    assert [t.get_text() for t in named] == ["weights cd34cd34cd34", "weights ab12ab12ab12"]
    inside = figure.axes[0].get_window_extent()
    assert all(inside.x0 <= t.get_window_extent().x0 < t.get_window_extent().x1 <= inside.x1 for t in named)


def test_names_of_changes_close_together_do_not_lie_on_one_another(past: xr.Dataset, basin: str) -> None:
    codes = 1 + np.arange(past.sizes["time"]) // 7 % 2
    figure = draw(basin, made_by(past, codes))
    looks.check(figure)
    boxes = [t.get_window_extent() for t in figure.axes[0].texts]
    assert len(boxes) > 3
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    count = len([line for line in figure.axes[FLOW].lines if line.get_linestyle() == ":"])
    assert count == (past.sizes["time"] - 1) // 7, "a change without a name has its line"


def test_one_version_has_no_line(past: xr.Dataset, basin: str) -> None:
    one = made_by(past, np.ones(past.sizes["time"]))
    for days in (past, one):
        assert changes(days.sel(basin=basin)) == []
        assert not draw(basin, days).axes[0].texts


def test_an_archive_tells_who_made_the_days(site: object, made: Path) -> None:
    """What `dhbv plot basin` reads has the name under which changes are looked for."""
    from dhbv import flux_source

    days = flux_source.daily(made.parents[2] / "fluxes", VARIABLES, basins=["02"])
    assert changes(days.sel(basin="02")) == []
    assert set(days["made_by"].values.ravel()) <= {0, 1}
    assert 1 in days["made_by"].values


def colours(data: bytes) -> set[str]:
    with Image.open(io.BytesIO(data)) as picture:
        counted = picture.convert("RGB").getcolors(10**7)
    return {f"#{r:02x}{g:02x}{b:02x}" for n, (r, g, b) in counted if n > 200}


def test_shades_in_the_file_are_those_drawn(past: xr.Dataset, ahead: xr.Dataset, basin: str) -> None:
    figure: Figure = draw(basin, past, ahead)
    assert "#f2f2f2" in colours(style.png(figure, 60, palette=False))


def test_the_command_draws_a_cycle_after_its_archive(made: Path, site: object, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from dhbv.cli import app

    fluxes = made.parents[2] / "fluxes"
    out = tmp_path / "basin.png"
    done = CliRunner().invoke(
        app, ["plot", "basin", "02", "--fluxes", str(fluxes), "--forecast", str(made), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    with Image.open(out) as picture:
        assert picture.size == (1100, 1150)
    assert load(made / "forecast.nc").sizes["quantile"] == 5
