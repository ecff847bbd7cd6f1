"""A small raw CAMELS download, written fresh for each test so that the test may damage it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data.schema import assemble

BASINS = ("01013500", "02177000")
AREAS = {"01013500": 2252.7, "02177000": 500.0}
FIRST, DAYS = "1999-12-28", 10
HEADER = "Year Mnth Day Hr\tdayl(s)\tprcp(mm/day)\tsrad(W/m2)\tswe(mm)\ttmax(C)\ttmin(C)\tvp(Pa)"

Edit = Callable[[list[str]], list[str]]


class Download:
    """A raw download of two basins and ten days."""

    def __init__(self, folder: Path, forcing_set: str = "maurer_extended") -> None:
        self.folder, self.forcing_set = folder, forcing_set
        topo, geology = (
            ["gauge_id;gauge_lat;gauge_lon;area_gages2"],
            ["gauge_id;geol_1st_class;geol_porostiy"],
        )
        for k, basin in enumerate(BASINS):
            self.write_basin(basin, FIRST, DAYS, offset=float(k))
            topo.append(f"{basin};{40 + k}.5;-80.0;{AREAS[basin]}")
            geology.append(f"{basin};    Metamorphics;{'NA' if k else '0.1714'}")
        for name, lines in (("topo", topo), ("geol", geology)):
            file = folder / "camels_attributes_v2.0" / f"camels_{name}.txt"
            file.parent.mkdir(exist_ok=True)
            file.write_text("\n".join(lines) + "\n")

    def forcing(self, basin: str = BASINS[0]) -> Path:
        return self.folder / f"basin_mean_forcing/{self.forcing_set}/01/{basin}_lump_x_forcing_leap.txt"

    def flow(self, basin: str = BASINS[0]) -> Path:
        return self.folder / f"usgs_streamflow/02/{basin}_streamflow_qc.txt"

    def write_basin(self, basin: str, first: str, days: int, offset: float = 0.0) -> None:
        forcing, flow = ["40.5", "100.0", "123456", HEADER], []
        for n, day in enumerate(pd.date_range(first, periods=days)):
            date = f"{day.year} {day.month:02d} {day.day:02d}"
            weather = (34000.0, n + offset, 200.0, 0.0, 8.0 + n, -2.0 + offset, 500.0)
            forcing.append(f"{date} 12\t" + "\t".join(f"{v:.2f}" for v in weather))
            flow.append(f"{basin} {date} {100.0 + n:8.2f} A" if n != 3 else f"{basin} {date}  -999.00 M")
        for file, lines in ((self.forcing(basin), forcing), (self.flow(basin), flow)):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(lines) + "\n")

    @staticmethod
    def edit(file: Path, change: Edit) -> None:
        """Rewrite the lines of `file`."""
        file.write_text("\n".join(change(file.read_text().splitlines())) + "\n")


@pytest.fixture
def download(tmp_path: Path) -> Download:
    return Download(tmp_path / "camels")


def small_region(days: int = 6, basins: Sequence[str] = BASINS) -> xr.Dataset:
    """A flawless Dataset of the schema."""
    rng = np.random.default_rng(5)
    shape = (len(basins), days)
    tmin = rng.normal(5.0, 3.0, shape)
    series = {
        "prcp": rng.gamma(0.5, 6.0, shape),
        "tmin": tmin,
        "tmax": tmin + rng.uniform(2.0, 9.0, shape),
        "streamflow": rng.gamma(2.0, 1.0, shape),
    }
    table = pd.DataFrame(
        {"gauge_lat": 41.0, "area_gages2": 500.0, "geol_1st_class": "Metamorphics", "geol_2nd_class": None},
        index=list(basins),
    )
    return assemble(basins, np.datetime64("2000-02-26") + np.arange(days), series, table)


@pytest.fixture
def region() -> xr.Dataset:
    return small_region()
