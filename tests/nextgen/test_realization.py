"""Which files of a run folder are delta-hbv's, where those of other modules lie beside them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dhbv.errors import ConfigurationError
from dhbv.model_directory import ModelDirectory
from dhbv.nextgen.commands import component
from dhbv.nextgen.examining import examine
from dhbv.nextgen.realization import PYTHON_TYPE, Realization
from tests.nextgen.conftest import IDS
from tests.nextgen.test_setup import saved_state
from tests.small_models import small_model
from tests.test_cli import dhbv

ROOT = Path(__file__).parents[2]
EXAMPLE, DOCUMENT = ROOT / "examples" / "stream_temperature", ROOT / "docs" / "stream_temperature.md"


def with_stream_temperature(folder: Path) -> list[Path]:
    """Lay the example out in a run folder as its document says; the files of the catchments."""
    goes = dict(re.findall(r"\| `([\w.]+)` \| `([\w/<>.]+)`", DOCUMENT.read_text(encoding="utf-8")))
    time = json.loads((folder / "realization.json").read_text(encoding="utf-8"))["time"]
    content = json.loads((EXAMPLE / "realization.json").read_text(encoding="utf-8")) | {"time": time}
    # The forcing is where it was, as it would be for a user.
    content["global"]["forcing"] = json.loads((folder / "realization.json").read_text())["global"]["forcing"]
    (folder / "realization.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / goes["stream_temperature.py"]).mkdir()
    shutil.copy(EXAMPLE / "stream_temperature.py", folder / goes["stream_temperature.py"])
    files = [folder / goes["stream_temperature.yml"].replace("<id>", name) for name in IDS]
    for file in files:
        shutil.copy(EXAMPLE / "stream_temperature.yml", file)
    return files


def test_the_example_downstream_is_examined_and_updated(
    run: Callable[..., Path], model: ModelDirectory, tmp_path: Path
) -> None:
    folder = run("--states", saved_state(tmp_path / "s", model, "2015-12-01"))
    files = with_stream_temperature(folder)
    assert {f.parent for f in files} == {folder / "config"}, "beside those of delta-hbv"
    assert sorted(Realization(folder).configurations()) == sorted(IDS)
    result = dhbv("ngen", "check", folder, "--json", "-")
    assert result.code == 0, result.err
    assert "3 of 3 catchments' files are understood" in [line["result"] for line in json.loads(result.out)]
    challenger = small_model(tmp_path / "challenger", seed=7)
    new = saved_state(tmp_path / "new.state", challenger, "2015-12-01")
    for turn in ("config.2", "config.3"):
        result = dhbv("ngen", "update", folder, "--model", challenger.path, "--states", new)
        assert result.code == 0, result.err
        found = Realization(folder).configurations()
        assert sorted(found.values()) == sorted(folder / turn / f"{name}.yml" for name in IDS)
        assert [f for f in examine(folder, component()) if f.verdict == "fails"] == []
        assert all(f.read_bytes() == (EXAMPLE / "stream_temperature.yml").read_bytes() for f in files)
    inits = re.findall(r'"init_config": "([^"]+)"', (folder / "realization.json").read_text(encoding="utf-8"))
    assert inits == ["./config.3/{{id}}.yml", "./config/stream_temperature_{{id}}.yml"]


@pytest.mark.parametrize(
    ("own", "others", "files", "expected"),
    [
        ("./config/{{id}}.yml", ["./config/x_{{id}}.yml"], "1.yml x_1.yml x_2.yml", "1"),
        ("./config/{{id}}.yml", ["./config/{{id}}_x.yml"], "1.yml 1_x.yml", "1"),
        ("./config/{{id}}.yml", ["./config/{{id}}_x.yml"], "1_x.yml", ""),
        ("./config/{{id}}.yml", ["./config/soil.yml"], "1.yml soil.yml", "1"),
        ("./config/{{id}}.yml", ["./config/{{id}}.yml"], "1.yml 2.yml", "1 2"),
        ("./config/h_{{id}}.yml", ["./config/{{id}}.yml"], "1.yml h_1.yml h_2.yml", "1 2"),
        ("./config/h_{{id}}.yml", ["./config/h_{{id}}_{{id}}.yml"], "h_1.yml h_1_1.yml h_1_2.yml", "1 1_2"),
        ("./config/{{id}}.yml", ["./else/x_{{id}}.yml", ""], "1.yml x_1.yml", "1 x_1"),
    ],
)  # fmt: skip
def test_a_file_is_of_the_module_that_names_it_closest(
    tmp_path: Path, own: str, others: list[str], files: str, expected: str
) -> None:
    modules = [{"name": "bmi_fortran", "params": {"init_config": place}} for place in others]
    modules.append({"name": "bmi_python", "params": {"python_type": PYTHON_TYPE, "init_config": own}})
    assert list(read(tmp_path, modules, files).configurations()) == expected.split()


def test_the_configuration_of_t_route_is_no_catchment(tmp_path: Path) -> None:
    own = [
        {"name": "bmi_python", "params": {"python_type": PYTHON_TYPE, "init_config": "./config/{{id}}.yml"}}
    ]
    routing = {"t_route_config_file_with_path": "./config/troute.yml"}
    assert list(read(tmp_path, own, "1.yml troute.yml", routing=routing).configurations()) == ["1"]
    assert list(read(tmp_path, own, "1.yml", routing=None).configurations()) == ["1", "troute"]


def test_a_place_that_is_no_text_is_named(tmp_path: Path) -> None:
    modules = [{"name": "bmi_python", "params": {"python_type": PYTHON_TYPE}}]
    routing = {"t_route_config_file_with_path": ["a"]}
    with pytest.raises(ConfigurationError, match=r"realization\.json: TypeError"):
        read(tmp_path, modules, "1.yml", routing=routing)


def read(folder: Path, modules: list[dict[str, Any]], files: str, **content: Any) -> Realization:
    """A folder's realization with these modules in a bmi_multi, and these files in `config`."""
    (folder / "config").mkdir(exist_ok=True)
    for name in files.split():
        (folder / "config" / name).write_text("", encoding="utf-8")
    formulation = {"name": "bmi_multi", "params": {"modules": modules}}
    content |= {
        "global": {"formulations": [formulation], "forcing": {"path": "forcing"}},
        "time": {"start_time": "2015-12-01 00:00:00", "end_time": "2015-12-02 00:00:00"},
    }
    (folder / "realization.json").write_text(json.dumps(content), encoding="utf-8")
    return Realization(folder)
