"""ngen's realization file: made for delta-hbv, and read where one exists.

Paths in it are relative to the run folder, in which ngen is started.
"""

from __future__ import annotations

import datetime as dt
import glob
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dhbv.data.nextgen_hours import NETCDF_SUFFIXES
from dhbv.data.schema import DataError
from dhbv.errors import ConfigurationError
from dhbv.physics.variables import VARIABLES

PYTHON_TYPE = "bmi.DeltaHbv"
ID = "{{id}}"
MAIN_OUTPUT = "land_surface_water__runoff_depth"
"""m over the step: what ngen turns into the flow at a nexus."""

OUTPUTS = {MAIN_OUTPUT: "runoff_m", "quality": "quality"} | {
    VARIABLES[name].bmi_name: f"{name}_{VARIABLES[name].unit.replace(' ', '_')}"
    for name in ("surface_runoff", "interflow", "baseflow", "et", "swe", "soil_water")
}
"""Outputs in a catchment's CSV file, with their headings: `ngen` writes no units of its own."""

MASS_BALANCE = {"check": True, "tolerance": 1e-6, "fatal": False, "frequency": 24}
"""ngen compares depths in mm once a day and tells of a gap; it costs a fifth of the run's time every step."""

TIME = "%Y-%m-%d %H:%M:%S"
T_ROUTE = "./config/troute.yaml"
"""Where NGIAB's preprocessor writes t-route's configuration."""


class Layout(NamedTuple):
    """Where things lie in a run folder."""

    realization: str
    configurations: str
    forcing: str
    """Where forcing is looked for if no other place is given."""
    models: str | None
    """Where the model is copied to; None leaves it where it is."""
    output: dict[str, Any]
    """Keys that say where outputs go."""
    alone: bool
    """Whether a run sees nothing but the run folder, as in a container that mounts no other."""


LAYOUTS = {
    "plain": Layout(
        "realization.json", "config", "forcing", None,
        {"output": {"root": "./outputs/", "catchment": {"enable": True}, "nexus": {"enable": True}}}, alone=False,
    ),
    # NGIAB mounts the run folder alone, and its ngen may be older than the output block.
    "ngiab": Layout(
        "config/realization.json", "config/cat_config/dhbv", "forcings/forcings.nc", "config/models",
        {"output_root": "./outputs/ngen"}, alone=True,
    ),
}  # fmt: skip


class Forcing(NamedTuple):
    """What a realization says of forcing."""

    provider: Literal["CsvPerFeature", "NetCDF"]
    path: Path
    pattern: str


class Module(NamedTuple):
    """A delta-hbv in a realization."""

    params: dict[str, Any]
    """Its own; changing them changes the document."""
    formulation: dict[str, Any]
    """`params` of the formulation it is part of: its own, or those of the bmi_multi around it."""
    catchment: str | None
    """The catchment it is meant for alone; None for all others."""

    @property
    def nested(self) -> bool:
        return self.params is not self.formulation


def make(
    *,
    configurations: str,
    forcing: Forcing,
    start: dt.datetime,
    end: dt.datetime,
    output: dict[str, Any],
    multi: bool = False,
    t_route: bool = False,
    names_map: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The document of a run with one delta-hbv in every catchment.

    Args:
        configurations: folder of the catchments' files, relative to the run folder.
        forcing: with a path relative to the run folder.
        start, end: first and last hour, UTC.
        output: keys of `Layout.output`.
        multi: whether the module stands in a bmi_multi, to which others can be added.
        t_route: whether t-route takes the water on.
        names_map: forcing names of inputs that ngen does not find under their own.
    """
    shown = {"output_variables": list(OUTPUTS), "output_header_fields": list(OUTPUTS.values())}
    module: dict[str, Any] = {
        "model_type_name": "delta_hbv",
        "python_type": PYTHON_TYPE,
        "init_config": f"./{configurations}/{ID}.yml",
        "main_output_variable": MAIN_OUTPUT,
        "allow_exceed_end_time": True,
        "cache_input_variable_metadata": True,
        "mass_balance": MASS_BALANCE,
    }
    if names_map:
        module["variables_names_map"] = names_map
    formulation: dict[str, Any] = {"name": "bmi_python", "params": module | shown}
    if multi:
        around = {
            "model_type_name": "delta_hbv_multi",
            "init_config": "",
            "main_output_variable": MAIN_OUTPUT,
            "allow_exceed_end_time": True,
            "modules": [{"name": "bmi_python", "params": module}],
        }
        formulation = {"name": "bmi_multi", "params": around | shown}
    source = {"provider": forcing.provider, "path": _from_folder(forcing.path)}
    if forcing.provider == "CsvPerFeature":
        source = {"file_pattern": forcing.pattern} | source
        source["path"] += "/"
    return {
        "global": {"formulations": [formulation], "forcing": source},
        "time": {"start_time": start.strftime(TIME), "end_time": end.strftime(TIME), "output_interval": 3600},
        **({"routing": {"t_route_config_file_with_path": T_ROUTE}} if t_route else {}),
        **output,
    }


def dump(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


class Realization:
    """A realization as it lies in a run folder.

    Raises:
        ConfigurationError: if there is none, it is no JSON, or lacks what every run needs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout = _layout(folder)
        self.path = folder / self.layout.realization
        try:
            self.document: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self.path} is no JSON: {error}: write it anew") from error
        try:
            time = self.document["time"]
            self.start, self.end = (
                dt.datetime.strptime(time[key], TIME) for key in ("start_time", "end_time")
            )
            modules = list(self._modules())
            self.modules = [m for m in modules if m.params.get("python_type") == PYTHON_TYPE]
            routing = self.document.get("routing") or {}
            foreign = [m.params.get("init_config", "") for m in modules if m not in self.modules]
            foreign.append(routing.get("t_route_config_file_with_path", ""))
            self._foreign = [_name(str(folder / place)) for place in foreign]
            self.forcing = self._forcing()
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ConfigurationError(
                f"{self.path}: {type(error).__name__} {error}: a realization needs time.start_time and end_time (as "
                "2015-12-01 00:00:00), global.formulations and global.forcing"
            ) from error
        if not self.modules:
            raise ConfigurationError(
                f"{self.path}: no module with python_type {PYTHON_TYPE}: this is no run of delta-hbv"
            )

    def _modules(self) -> Iterator[Module]:
        """Of whatever kind."""
        places = [(None, self.document["global"]), *self.document.get("catchments", {}).items()]
        for catchment, place in places:
            for formulation in place["formulations"]:
                around = formulation["params"]
                for params in (around, *(m["params"] for m in around.get("modules", ()))):
                    yield Module(params, around, catchment)

    def _forcing(self) -> Forcing:
        source = self.document["global"]["forcing"]
        provider = source.get("provider", "CsvPerFeature")
        return Forcing(provider, self.folder / source["path"], source.get("file_pattern", "{{id}}.csv"))

    def configurations(self) -> dict[str, Path]:
        """The file of each catchment, as far as there are files; sorted by id.

        ngen puts each catchment's id into every module's pattern. Which ids there are only the hydrofabric tells, and
        `config/{{id}}.yml` fits `config/other_cat-1.yml` too: what another module's pattern fits more closely is that module's.
        """
        found: dict[str, Path] = {}
        for module in self.modules:
            if "init_config" not in module.params:
                continue
            place = str(self.folder / module.params["init_config"])
            if module.catchment is not None:
                found[module.catchment] = Path(place.replace(ID, module.catchment))
            elif ID in place:
                name = _name(place)
                for file in glob.glob(glob.escape(place).replace(ID, "*")):  # noqa: PTH207 -- the place may be absolute
                    match = name.fullmatch(file)
                    if match is None or match[1] in found:
                        continue
                    theirs = (m for other in self._foreign if (m := other.fullmatch(file)))
                    if all(len(match[1]) <= len(m.groupdict().get("id", "")) for m in theirs):
                        found[match[1]] = Path(file)
        return dict(sorted(found.items()))


def _name(place: str) -> re.Pattern[str]:
    """What a file's name is by a pattern of `init_config`; its group `id`, if the pattern has one, is the catchment's."""
    wanted = re.escape(place).replace(re.escape(ID), "(?P<id>[^/]+)", 1)
    return re.compile(wanted.replace(re.escape(ID), "(?P=id)"))


def _layout(folder: Path) -> Layout:
    for layout in LAYOUTS.values():
        if (folder / layout.realization).is_file():
            return layout
    raise ConfigurationError(
        f"{folder}: no run folder: it has neither {' nor '.join(p.realization for p in LAYOUTS.values())}; "
        "dhbv ngen init makes one"
    )


def _from_folder(path: Path) -> str:
    return str(path) if path.is_absolute() or str(path).startswith("..") else f"./{path}"


def forcing_kind(path: Path) -> Literal["CsvPerFeature", "NetCDF"]:
    """ngen's provider for a file or folder.

    Raises:
        DataError: if there is neither.
    """
    if path.is_dir():
        return "CsvPerFeature"
    if path.is_file() and path.suffix.lower() in NETCDF_SUFFIXES:
        return "NetCDF"
    raise DataError(f"{path}: no forcing: give a folder of <catchment id>.csv or a NetCDF file")
