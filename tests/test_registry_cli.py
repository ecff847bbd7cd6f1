"""`dhbv registry` says what serves, changes it in one command, and keeps standard output for programs."""

from __future__ import annotations

import getpass
import json
import os
import re
from pathlib import Path

import pytest

from dhbv.model_directory import WEIGHTS
from dhbv.registry import Registry
from tests.small_models import small_model
from tests.test_cli import dhbv, mistake

COMMANDS = ("list", "show", "publish", "promote", "rollback", "verify", "gc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "[the] registry"


@pytest.fixture
def ids(folder: Path, tmp_path: Path) -> list[str]:
    """Versions by the command line, the second after the first champion."""
    made = []
    for seed in range(2):
        model = small_model(tmp_path / f"m{seed}", seed, nse=0.71 + 0.01 * seed)
        result = dhbv("registry", "publish", model.path, "--registry", folder, "--who", "ana", "--json", "-")
        id = json.loads(result.out)["id"]
        assert f"version {id}: to forecast with it, dhbv registry promote {id}" in result.err
        assert dhbv("registry", "promote", id, "--registry", folder, "--why", f"gate {seed}").code == 0
        made.append(id)
    return made


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str) -> None:
    result = dhbv("registry", command, "--help")
    assert result.code == 0
    assert re.search(rf"Example:\s+dhbv\s+registry\s+{command}\b", result.out)
    assert "--registry" in result.out


def test_the_main_help_names_the_registry() -> None:
    assert re.search(r"registry\s+Versioned weights", dhbv("--help").out)


def test_the_list_marks_the_champion(folder: Path, ids: list[str]) -> None:
    result = dhbv("registry", "list", "--registry", folder, "--json", "-")
    assert result.code == 0
    found = json.loads(result.out)
    assert {v["id"] for v in found["versions"]} == set(ids)
    assert found["champion"] == ids[1]
    by_id = {v["id"]: v for v in found["versions"]}
    assert by_id[ids[0]]["scores"] == {"test period": {"nse": 0.71, "kge": None}}
    assert by_id[ids[0]]["who"] == "ana"
    (line,) = [line for line in result.err.splitlines() if "●" in line]
    assert ids[1] in line
    assert "0.720" in line
    assert re.search(rf"{ids[0]}.*ana.*0\.710", result.err)
    assert f"champion: {ids[1]}" in result.err


def test_a_list_without_champion(folder: Path, tmp_path: Path) -> None:
    dhbv("registry", "publish", small_model(tmp_path / "m").path, "--registry", folder)
    result = dhbv("registry", "list", "--registry", folder, "--json", "-")
    assert json.loads(result.out)["champion"] is None
    assert "champion: none yet" in result.err


def test_a_rollback_says_from_which_to_which_and_since_when(folder: Path, ids: list[str]) -> None:
    result = dhbv("registry", "rollback", "--registry", folder, "--why", "floods [too] late", "--json", "-")
    assert result.code == 0
    assert (
        f"rolled back from {ids[1]} to {ids[0]}: forecasts use it from the next cycle" == result.err.strip()
    )
    assert json.loads(result.out) == {"from": ids[1], "to": ids[0]}
    last = Registry(folder).journal()[-1]
    assert (last.action, last.who, last.why) == ("rollback", getpass.getuser(), "floods [too] late")
    message = mistake("registry", "rollback", "--registry", folder, "--why", "again")
    assert f"no champion before {ids[0]} to roll back to: promote another version by its id" in message


def test_a_user_without_a_name_decides_by_number(
    folder: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert dhbv("registry", "promote", ids[0], "--registry", folder, "--why", "back").code == 0
    assert Registry(folder).journal()[-1].who == f"uid {os.getuid()}"


def test_a_promotion_says_what_it_did(folder: Path, ids: list[str]) -> None:
    promote = ("registry", "promote", "--registry", folder, "--why", "back")
    assert f"promoted from {ids[1]} to {ids[0]}: forecasts use it" in dhbv(*promote, ids[0]).err
    assert f"{ids[0]} is the champion already: nothing changed" in dhbv(*promote, ids[0]).err
    assert "has no version 'nonsense': it holds " in mistake(*promote, "nonsense")


@pytest.mark.parametrize("command", [("promote", "x"), ("rollback",)])
def test_a_reason_is_required(folder: Path, ids: list[str], command: tuple[str, ...]) -> None:
    result = dhbv("registry", *command, "--registry", folder)
    assert result.code == 2
    assert "Missing option '--why'" in result.err


def test_a_version_is_shown_with_card_scores_and_history(folder: Path, ids: list[str]) -> None:
    result = dhbv("registry", "show", "--registry", folder, "--json", "-")
    assert f"version {ids[1]}, whole, in " in result.err
    assert "| trained on |" in result.err
    assert re.search(
        rf"promote from {ids[0]} to {ids[1]} by {re.escape(getpass.getuser())}: gate 1", result.err
    )
    found = json.loads(result.out)
    assert found["id"] == ids[1]
    assert found["all_scores"]["test period"]["n_basins"] == 12
    assert [(e["action"], e["to"]) for e in found["history"]] == [("publish", ids[1]), ("promote", ids[1])]
    other = dhbv("registry", "show", ids[0], "--registry", folder)
    assert other.out == ""
    assert f"version {ids[0]}, whole" in other.err


def test_what_is_broken_is_named_and_the_history_still_shown(folder: Path, ids: list[str]) -> None:
    assert "whole, versions: 2" in dhbv("registry", "verify", "--registry", folder).err
    path = folder / "versions" / ids[1] / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1])
    result = dhbv("registry", "verify", "--registry", folder, "--json", "-")
    assert result.code == 1
    (problem,) = json.loads(result.out)
    assert problem["where"] == f"versions/{ids[1]}/{WEIGHTS}"
    assert f"1 broken: versions/{ids[1]}/{WEIGHTS}" in result.err
    shown = dhbv("registry", "show", "--registry", folder)
    assert shown.code == 1
    assert "gate 1" in shown.err
    assert f"{WEIGHTS} is damaged" in shown.err


def test_with_a_lost_pointer_the_list_still_shows_what_can_be_promoted(folder: Path, ids: list[str]) -> None:
    (folder / "champion").write_text("", encoding="utf-8")
    result = dhbv("registry", "list", "--registry", folder, "--json", "-")
    assert result.code == 1
    assert result.out == "", "no list without its champion for programs"
    assert ids[0] in result.err
    assert "champion does not hold the id of a version: promote a version" in result.err


def test_old_versions_are_removed(folder: Path, ids: list[str], tmp_path: Path) -> None:
    third = small_model(tmp_path / "m2", 2)
    dhbv("registry", "publish", third.path, "--registry", folder)
    (new,) = {v.id for v in Registry(folder).versions()} - set(ids)
    assert "removed: none" in dhbv("registry", "gc", "--registry", folder).err
    result = dhbv("registry", "gc", "--registry", folder, "--keep", "0", "--json", "-")
    assert f"removed: {new}" in result.err
    assert json.loads(result.out) == {"removed": [new]}


def test_a_wrong_folder_is_a_mistake(tmp_path: Path) -> None:
    for command in (["list"], ["show"], ["verify"], ["gc"], ["rollback", "--why", "x"]):
        message = mistake("registry", *command, "--registry", tmp_path / "none")
        assert f"{tmp_path}/none is not a registry: it has no folder versions" in message
    assert not (tmp_path / "none").exists()
