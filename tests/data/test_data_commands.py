"""`dhbv data`: what it writes can be trained on, and it says what it could not tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from dhbv.attributes import HISTORY_ATTRIBUTES
from dhbv.cli import app
from dhbv.data import open_region
from dhbv.data.synthetic import synthetic_region
from dhbv.errors import DhbvError


@pytest.fixture(scope="module")
def region() -> xr.Dataset:
    return synthetic_region(n_basins=3, years=2, start="1999-10-01").region


@pytest.fixture
def path(region: xr.Dataset, tmp_path: Path) -> Path:
    ds = region.copy(deep=True)
    ds["streamflow"][1] = np.nan
    ds.to_netcdf(tmp_path / "maurer.nc")
    return tmp_path / "maurer.nc"


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["data", *map(str, arguments)], env={"COLUMNS": "300"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_history_is_added(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "gz.nc"
    said = run("history", "--data", path, "--start", "1999-10-01", "--end", "2000-12-31", "--out", out)
    assert "no history of syn-002: flow was observed on too few days of 1999-10-01..2000-12-31" in said
    assert "2 basins, 11 attributes of their flow in 1999-10-01..2000-12-31" in said
    told = open_region(out)
    assert np.isfinite(told["history_q_mean"].values).tolist() == [True, False, True]
    assert set(HISTORY_ATTRIBUTES) <= set(told.data_vars)
    assert told["prcp"].equals(open_region(path)["prcp"])
    with pytest.raises(DhbvError, match=r"--start, --end: the period ends \(1999-10-01\) before it starts"):
        run("history", "--data", path, "--start", "2000-10-01", "--end", "1999-10-01", "--out", out)


def test_products_are_combined(path: Path, region: xr.Dataset, tmp_path: Path) -> None:
    other = region.assign(prcp=3.0 * region["prcp"]).isel(time=slice(10, None))
    other.to_netcdf(tmp_path / "daymet.nc")
    out = tmp_path / "both.nc"
    said = run("combine", path, tmp_path / "daymet.nc", "--out", out)
    assert "10 of 731 days rest on one product" in said
    assert "3 basins × 731 days, mean of maurer 1999-10-01..2001-09-30; daymet 1999-10-11..2001-09-30" in said
    both = open_region(out)
    np.testing.assert_allclose(both["prcp"].values[:, 10:], 2.0 * region["prcp"].values[:, 10:], rtol=1e-6)
    np.testing.assert_array_equal(both["prcp"].values[:, :10], region["prcp"].values[:, :10])


def test_products_of_one_name_are_told_apart_by_their_folders(path: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / path.name).write_bytes(path.read_bytes())
    out = tmp_path / "both.nc"
    assert f"{tmp_path}/new/maurer.nc 1999-10-01" in run(
        "combine", path, tmp_path / "new" / path.name, "--out", out
    )
