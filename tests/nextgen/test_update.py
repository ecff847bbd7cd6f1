"""`dhbv ngen update` puts weights and states in force at once or not at all, wherever it is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml

from dhbv import model_directory, network_shapes, normalisation
from dhbv.model_directory import ModelDirectory
from dhbv.nextgen import catchments
from dhbv.nextgen.commands import component
from dhbv.nextgen.examining import examine
from dhbv.nextgen.realization import Realization
from dhbv.nextgen.update import LOCK, update
from dhbv.registry import Registry, Resolved
from dhbv.state import State
from tests.conftest import attribute_table, small_config, weather
from tests.nextgen.conftest import IDS, write_attributes, write_netcdf_forcing
from tests.nextgen.test_setup import loaded, saved_state
from tests.small_models import small_model
from tests.test_cli import dhbv, mistake

Run = Callable[..., Path]
CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")
"""Audited events that change a file or folder."""


@pytest.fixture
def challenger(tmp_path: Path) -> ModelDirectory:
    return small_model(tmp_path / "challenger", seed=7)


@pytest.fixture
def started(run: Run, model: ModelDirectory, tmp_path: Path) -> Path:
    """A run that starts from a state."""
    return run("--states", saved_state(tmp_path / "old.state", model, "2015-12-01"))


def in_force(folder: Path) -> tuple[set[Path], set[str]]:
    """Models and weights of states that the catchments of a run use."""
    files = Realization(folder).configurations()
    assert tuple(files) == tuple(sorted(IDS)), "every catchment has its file"
    configs = {file: loaded(file) for file in files.values()}
    models = {(file.parent / c.model).resolve() for file, c in configs.items()}
    states = {State.read(file.parent / c.state).weights for file, c in configs.items() if c.state}
    return models, states


def test_weights_and_states_change_together(
    started: Path, challenger: ModelDirectory, tmp_path: Path
) -> None:
    new = saved_state(tmp_path / "new.state", challenger, "2015-12-01")
    result = dhbv("ngen", "update", started, "--model", challenger.path, "--states", new, "--json", "-")
    assert result.code == 0, result.err
    assert json.loads(result.out)["configurations"].endswith("config.2")
    assert in_force(started) == ({challenger.path.resolve()}, {challenger.weights_sha256})
    file = started / "config.2" / "cat-1.yml"
    assert catchments.version(file) == str(challenger.path)
    before = loaded(started / "config" / "cat-1.yml")
    assert loaded(file).attributes == before.attributes
    assert loaded(file).start_time == before.start_time
    assert dhbv("ngen", "check", started).code == 0


def turns(folder: Path, models: list[ModelDirectory], state: Path) -> Iterator[None]:
    """Update `folder` to each model in turn, with a state of its weights."""
    for other in models:
        saved_state(state, other, "2015-12-01")
        assert dhbv("ngen", "update", folder, "--model", other.path, "--states", state).code == 0
        yield


def test_a_run_that_is_starting_still_finds_the_folder_before(
    started: Path, model: ModelDirectory, challenger: ModelDirectory, tmp_path: Path
) -> None:
    folders = [{"config", "config.2"}, {"config.2", "config.3"}, {"config.3", "config.4"}]
    for _ in turns(started, [challenger, model, challenger], tmp_path / "s"):
        assert {f.name for f in started.iterdir() if f.is_dir()} == folders.pop(0)
        assert dhbv("ngen", "check", started).code == 0


def test_files_of_others_stay(
    started: Path, model: ModelDirectory, challenger: ModelDirectory, tmp_path: Path
) -> None:
    (started / "config" / "troute.yaml").write_text("log_parameters: {}\n")
    assert len(list(turns(started, [challenger, model], tmp_path / "s"))) == 2
    assert [f.name for f in (started / "config").iterdir()] == ["troute.yaml"]


def test_states_alone(started: Path, model: ModelDirectory, tmp_path: Path) -> None:
    assert (
        dhbv("ngen", "update", started, "--states", saved_state(tmp_path / "s", model, "2015-11-30")).code
        == 0
    )
    assert in_force(started) == ({model.path.resolve()}, {model.weights_sha256})
    assert str(State.read(started / "config.2" / "start.state").time) == "2015-11-30"
    assert catchments.version(started / "config.2" / "cat-2.yml") == str(model.path)


def test_a_state_takes_the_place_of_a_spin_up(run: Run, model: ModelDirectory, tmp_path: Path) -> None:
    folder = run("--spin-up", tmp_path / "forcing")
    before = loaded(folder / "config" / "cat-1.yml")
    assert (folder / "config" / (before.spin_up or "")).resolve() == (tmp_path / "forcing").resolve()
    assert dhbv("ngen", "update", folder, "--model", model.path).code == 0
    kept = loaded(folder / "config.2" / "cat-1.yml")
    assert (folder / "config.2" / (kept.spin_up or "")).resolve() == (tmp_path / "forcing").resolve()
    assert (
        dhbv("ngen", "update", folder, "--states", saved_state(tmp_path / "s", model, "2015-12-01")).code == 0
    )
    after = loaded(folder / "config.3" / "cat-1.yml")
    assert (after.state, after.spin_up) == ("start.state", None)


def test_a_container_gets_its_own_copy(run: Run, challenger: ModelDirectory, tmp_path: Path) -> None:
    forcing = write_netcdf_forcing(tmp_path / "box" / "forcings" / "forcings.nc")
    folder = run("--layout", "ngiab", "--forcing", forcing, name="box")
    assert dhbv("ngen", "update", folder, "--model", challenger.path).code == 0
    models, _ = in_force(folder)
    assert models == {(folder / "config" / "models" / challenger.weights_sha256[:12]).resolve()}
    assert Realization(folder).configurations()["cat-1"].parent == folder / "config" / "cat_config" / "dhbv.2"
    assert dhbv("ngen", "check", folder).code == 0


def test_a_champion_is_resolved_and_written_down(
    started: Path, challenger: ModelDirectory, tmp_path: Path
) -> None:
    store = Registry(tmp_path / "registry")
    version = store.publish(challenger.path, who="test")
    store.promote(version.id, who="test", why="better")
    state = saved_state(tmp_path / "s", challenger, "2015-12-01")
    assert (
        dhbv(
            "ngen", "update", started, "--model", f"{tmp_path / 'registry'}@champion", "--states", state
        ).code
        == 0
    )
    assert in_force(started)[0] == {version.path.resolve()}
    assert catchments.version(started / "config.2" / "cat-1.yml").endswith(f"@{version.id}")


def files(folder: Path) -> dict[Path, bytes]:
    return {f: f.read_bytes() for f in folder.rglob("*") if f.is_file() and f.name != LOCK}


def refused(folder: Path, *arguments: object) -> str:
    """The message of an update that must change nothing."""
    before = files(folder)
    message = mistake("ngen", "update", folder, *arguments)
    assert files(folder) == before
    return message


def test_what_does_not_fit_changes_nothing(
    started: Path, model: ModelDirectory, challenger: ModelDirectory, tmp_path: Path
) -> None:
    assert "nothing to update: give --model MODEL, --states FILE or both" in refused(started)
    message = refused(started, "--model", challenger.path)
    assert "was made by weights" in message
    assert "give states of these weights (--states FILE)" in message
    few = saved_state(tmp_path / "few", model, "2015-12-01", IDS[:1])
    assert "lacks cat-10, cat-2 (2 of 3)" in refused(started, "--states", few)
    far = saved_state(tmp_path / "far", model, "2016-12-01")
    assert "366 days from the start" in refused(started, "--states", far)
    far.write_bytes(far.read_bytes()[:-5])
    assert "damaged" in refused(started, "--states", far)
    weights = challenger.path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    assert "is damaged: its sha256" in refused(started, "--model", challenger.path)


def test_a_model_with_other_attributes_is_refused_by_name(run: Run, tmp_path: Path) -> None:
    names = ("p_mean", "aridity", "area_gages2", "geol_1st_class", "lai_max")
    table = attribute_table(12) | {"lai_max": list(range(12))}
    config = small_config()
    wide = msgspec.structs.replace(config, model=msgspec.structs.replace(config.model, attributes=names))
    statistics = normalisation.fit(weather(400, 12), table, names)
    shapes = network_shapes.expected(wide.model)
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    model_directory.save(tmp_path / "wide", wide, statistics, weights, data_digest="none", scores={})
    message = refused(run(), "--model", tmp_path / "wide")
    assert "attributes that no catchment has: lai_max" in message


def test_a_run_made_by_hand_is_left_alone(
    started: Path, model: ModelDirectory, challenger: ModelDirectory
) -> None:
    file = started / "config" / "cat-2.yml"
    file.write_text(file.read_text().removeprefix(catchments.HEADER))
    message = refused(started, "--model", challenger.path)
    assert "cat-2.yml: only a run that dhbv ngen init made can be updated at once" in message


def killed_at(event: int, work: Callable[[], object]) -> bool:
    """Do `work` in a process that kills itself before its `event`-th change of a file; whether it was killed."""
    child = os.fork()
    if child == 0:
        seen = 0

        def watch(name: str, arguments: tuple[Any, ...]) -> None:
            nonlocal seen
            if name not in CHANGES or (
                name == "open"
                and not (
                    isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
                )
            ):
                return
            seen += 1
            if seen == event:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        try:
            work()
        except BaseException:
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_kill_anywhere_leaves_the_old_run_or_the_new(
    started: Path, model: ModelDirectory, challenger: ModelDirectory, tmp_path: Path
) -> None:
    new = saved_state(tmp_path / "new.state", challenger, "2015-12-01")
    old = ({model.path.resolve()}, {model.weights_sha256})
    wanted = ({challenger.path.resolve()}, {challenger.weights_sha256})
    pristine = tmp_path / "pristine"
    shutil.copytree(started, pristine)
    found = []
    while True:
        shutil.rmtree(started)
        shutil.copytree(pristine, started)
        was_killed = killed_at(
            len(found) + 1, lambda: update(started, model=Resolved("new", challenger.path), state=new)
        )
        found.append(in_force(started))
        assert found[-1] in (old, wanted), "never a mix"
        assert not [f for f in examine(started, component()) if f.verdict == "fails"]
        if not was_killed:
            break
    assert found[0] == old
    assert found[-1] == wanted
    assert found.index(wanted) > 4, "kills fell before the switch"
    assert all(state == wanted for state in found[found.index(wanted) :])
    # What a kill left behind does not hinder the next try.
    shutil.rmtree(started)
    shutil.copytree(pristine, started)
    killed_at(6, lambda: update(started, model=Resolved("new", challenger.path), state=new))
    update(started, model=Resolved("new", challenger.path), state=new)
    assert in_force(started) == wanted


def test_two_updates_at_once_come_one_after_the_other(
    started: Path, model: ModelDirectory, challenger: ModelDirectory, tmp_path: Path
) -> None:
    states = {m: saved_state(tmp_path / f"{m.path.name}.state", m, "2015-12-01") for m in (model, challenger)}
    wanted = [({m.path.resolve()}, {m.weights_sha256}) for m in states]
    for _ in range(4):
        children = []
        for m, state in states.items():
            child = os.fork()
            if child == 0:
                try:
                    update(started, model=Resolved("x", m.path), state=state)
                except BaseException:
                    os._exit(3)
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
        assert in_force(started) in wanted


def test_paths_hold_where_the_folder_is_reached_by_a_link(
    run: Run, model: ModelDirectory, challenger: ModelDirectory, tmp_path: Path
) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "er")
    write_attributes(tmp_path / "attributes.csv")
    folder = run(name="link/run")
    assert not [f for f in examine(folder, component()) if f.verdict == "fails"]
    assert dhbv("ngen", "update", folder, "--model", challenger.path).code == 0
    assert not [f for f in examine(folder, component()) if f.verdict == "fails"]
    assert yaml.safe_load((folder / "config.2" / "cat-1.yml").read_text())["model"].startswith("..")
