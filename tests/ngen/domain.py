"""A domain written into a folder, in the layout ngen and NextGen In A Box run in."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from tests.ngen.driver import Simulation

Float = NDArray[np.float64]
START = dt.datetime(2000, 12, 20)
"""The days tested cross the end of a leap year."""
FREEZING = 273.15


@dataclass(frozen=True)
class Domain:
    """Where a domain lies."""

    folder: Path
    realization: Path
    catchments: Path
    nexuses: Path | None = None

    def open(self, **options: Any) -> Simulation:
        return Simulation(self.realization, self.catchments, self.nexuses, root=self.folder, **options)

    def run(self, steps: int | None = None, **options: Any) -> Simulation:
        """A simulation run and finalized."""
        with self.open(**options) as simulation:
            return simulation.run(steps)


def names(size: int) -> list[str]:
    return [f"cat-{k + 1}" for k in range(size)]


def hourly(days: int, size: int, seed: int = 3) -> dict[str, dict[str, Float]]:
    """Weather by catchment, hour by hour: `precip_rate` mm s-1 and `TMP_2maboveground` K."""
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.2, 2.0, (size, days, 24)) * (rng.random((size, days, 1)) < 0.6)
    temperature = rng.normal(5.0, 6.0, (size, days, 1)) + rng.normal(0.0, 3.0, (size, days, 24))
    return {
        name: {
            "precip_rate": rain[k].reshape(-1) / 3600.0,
            "TMP_2maboveground": temperature[k].reshape(-1) + FREEZING,
        }
        for k, name in enumerate(names(size))
    }


def write(
    folder: Path,
    weather: Mapping[str, Mapping[str, Float]],
    configuration: Callable[[str], str],
    *,
    start: dt.datetime = START,
    first: int = 0,
    hours: int | None = None,
    provider: str = "CsvPerFeature",
    modules: list[dict[str, Any]] | None = None,
    output: Mapping[str, Any] | None = None,
    **params: Any,
) -> Domain:
    """Realization, hydrofabric, forcing and configurations.

    Args:
        weather: by catchment and column, one value an hour from `start`.
        configuration: text of a catchment's `init_config`.
        first: hours after `start` at which the simulation begins.
        hours: how many it makes; to the end of the weather unless given.
        modules: of a `bmi_multi`; else there is one `bmi_python`.
        params: of the formulation, over the defaults below; None leaves a key out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config", "forcing"):
        (folder / name).mkdir(exist_ok=True)
    total = len(next(iter(next(iter(weather.values())).values())))
    times = [start + k * dt.timedelta(hours=1) for k in range(total)]
    for name, columns in weather.items():
        (folder / "config" / f"{name}.yml").write_text(configuration(name), encoding="utf-8")
        _write_csv(folder / "forcing" / f"{name}.csv", times, columns)
    if provider == "NetCDF":
        _write_netcdf(folder / "forcing.nc", times, weather)
    begin = start + first * dt.timedelta(hours=1)
    end = begin + ((total - first if hours is None else hours) - 1) * dt.timedelta(hours=1)
    defaults = {
        "model_type_name": "delta_hbv", "python_type": "bmi.DeltaHbv", "init_config": "./config/{{id}}.yml",
        "main_output_variable": "land_surface_water__runoff_depth", "allow_exceed_end_time": True,
    }  # fmt: skip
    chosen = {key: value for key, value in (defaults | params).items() if value is not None}
    if modules is not None:
        nested = [{"name": "bmi_python", "params": m} for m in modules]
        chosen = {k: v for k, v in chosen.items() if k not in ("python_type",)} | {"modules": nested}
    formulation = {"name": "bmi_python" if modules is None else "bmi_multi", "params": chosen}
    forcing = {"provider": provider, "path": "./forcing/", "file_pattern": "{{id}}.csv"}
    if provider == "NetCDF":
        forcing = {"provider": provider, "path": "./forcing.nc"}
    content = {
        "global": {"formulations": [formulation], "forcing": forcing},
        "time": {"start_time": str(begin), "end_time": str(end), "output_interval": 3600},
        "output": {"root": "./outputs/", "precision": 17} | dict(output or {}),
    }
    (folder / "realization.json").write_text(json.dumps(content), encoding="utf-8")
    _write_hydrofabric(folder, list(weather))
    return Domain(
        folder, folder / "realization.json", folder / "catchments.geojson", folder / "nexus.geojson"
    )


def area(k: int) -> float:
    """km2 of catchment number `k`."""
    return 10.0 + 3.5 * k


def _write_hydrofabric(folder: Path, catchments: list[str]) -> None:
    """Two catchments to a nexus."""
    features, ends = [], {}
    for k, name in enumerate(catchments):
        nexus = f"nex-{k // 2 + 1}"
        properties = {"areasqkm": area(k), "toid": nexus, "mean_elev": 300.0 + k}
        features.append({"type": "Feature", "id": name, "properties": properties})
        ends[nexus] = {"type": "Feature", "id": nexus, "properties": {}}
    for name, content in (("catchments", features), ("nexus", [*ends.values()])):
        text = json.dumps({"type": "FeatureCollection", "features": content})
        (folder / f"{name}.geojson").write_text(text, encoding="utf-8")


def _write_csv(path: Path, times: list[dt.datetime], columns: Mapping[str, Float]) -> None:
    lines = [",".join(["time", *columns])]
    for k, time in enumerate(times):
        lines.append(",".join([str(time), *(repr(float(values[k])) for values in columns.values())]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_netcdf(path: Path, times: list[dt.datetime], weather: Mapping[str, Mapping[str, Float]]) -> None:
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("catchment-id", len(weather))
        data.createDimension("time", len(times))
        ids = data.createVariable("ids", str, ("catchment-id",))
        time = data.createVariable("Time", "f8", ("catchment-id", "time"))
        time.units = "ns"
        for k, name in enumerate(weather):
            ids[k] = name
            time[k] = [t.replace(tzinfo=dt.UTC).timestamp() * 1e9 for t in times]
        for column in next(iter(weather.values())):
            variable = data.createVariable(column.split(" [")[0], "f8", ("catchment-id", "time"))
            if "[" in column:
                variable.units = column.split("[")[1].rstrip("]")
            variable[:] = [columns[column] for columns in weather.values()]
