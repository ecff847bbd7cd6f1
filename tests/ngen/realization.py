"""The realization file: which formulation, forcing and time each catchment has (§1, §8)."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from tests.ngen import forcing
from tests.ngen.forcing import Forcing
from tests.ngen.rules import LAYER_STEP, Judge


class Realization:
    """A realization; paths in it are relative to `root`, the folder ngen runs in."""

    def __init__(self, path: Path, judge: Judge, *, root: Path | None = None) -> None:
        self._content = json.loads(path.read_text(encoding="utf-8"))
        self.root = root or path.parent
        self._judge = judge
        time = self._content["time"]
        self.start, self.end = (dt.datetime.fromisoformat(time[key]) for key in ("start_time", "end_time"))
        self.output: dict[str, Any] = self._content.get("output", {})

    @property
    def steps(self) -> int:
        """Both ends count, and `output_interval` does not."""
        return int((self.end - self.start) / dt.timedelta(seconds=LAYER_STEP)) + 1

    def _of(self, catchment: str, key: str) -> Any:
        own = self._content.get("catchments", {}).get(catchment, {})
        return own[key] if key in own else self._content["global"][key]

    def formulation(self, catchment: str) -> tuple[str, dict[str, Any]]:
        """Name and `params` of a catchment's formulation."""
        (formulation,) = self._of(catchment, "formulations")
        name, params = formulation["name"], formulation["params"]
        if name not in ("bmi_python", "bmi_multi"):
            raise self._judge.abort("§1", f"formulation {name!r} is not bmi_python or bmi_multi")
        for module in (params, *(m["params"] for m in params.get("modules", ()))):
            if module.get("uses_forcing_file") or "forcing_file" in module:
                raise self._judge.abort("§5", "uses_forcing_file and forcing_file: parameter was removed")
        return name, params

    def config_file(self, params: dict[str, Any], catchment: str) -> Path:
        """`init_config`, the one key whose {{id}} is replaced."""
        return self.root / params["init_config"].replace("{{id}}", catchment)

    def forcing(self, catchment: str) -> Forcing:
        """A catchment's weather."""
        config = self._of(catchment, "forcing")
        provider, path = config.get("provider", "CsvPerFeature"), self.root / config["path"]
        if provider == "NetCDF":
            return forcing.read_netcdf(path, catchment, self.start)
        if provider == "CsvPerFeature":
            file = forcing.csv_file(path, config.get("file_pattern", "{{id}}.csv"), catchment)
            return forcing.read_csv(file, self.start, self._judge)
        raise self._judge.abort("§8", f"forcing provider {provider!r} gives this component nothing")
