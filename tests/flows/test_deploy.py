"""What lies in deploy/ names flows, pools and settings that exist."""

from __future__ import annotations

import ast
import asyncio
import inspect
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from packaging.requirements import Requirement
from prefect import Flow
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.events.actions import DoNothing, SendNotification
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import bootstrap
from flows.reporting import PROMOTED
from tests.operations.conftest import make_operation

DEPLOY = Path(__file__).parents[2] / "deploy"
FLOWS = {
    "ingest", "retrain", "evaluate", "promote", "rollback", "forecast", "backfill", "monitor", "national", "shard",
}  # fmt: skip


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "prefect.yaml").read_text(encoding="utf-8"))
    return content


def test_every_flow_has_a_deployment_that_can_call_it(plan: dict[str, Any]) -> None:
    PrefectYamlModel.model_validate(plan)
    assert {one["name"] for one in plan["deployments"]} == FLOWS
    for one in plan["deployments"]:
        flow = load_flow_from_entrypoint(one["entrypoint"])
        assert isinstance(flow, Flow)
        assert flow.name == one["name"]
        assert set(one["parameters"]) <= set(inspect.signature(flow.fn).parameters)
        assert one["work_pool"]["name"] in bootstrap.POOLS


def test_what_runs_by_itself_is_scheduled(plan: dict[str, Any]) -> None:
    scheduled = [one["name"] for one in plan["deployments"] if one.get("schedules")]
    assert scheduled == ["ingest", "forecast", "monitor", "retrain"]


@pytest.mark.drill
def test_the_extra_holds_all_that_flows_import() -> None:
    """By name, as each module says at its top: what another package happens to bring may go with its next version."""
    code = (
        "import sys, pkgutil, importlib, flows\n"
        "[importlib.import_module(f'flows.{m.name}') for m in pkgutil.iter_modules(flows.__path__)]\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] in ('dhbv', 'bmi', 'flows')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = {name for file in done.stdout.split() for name in imports(Path(file))}
    assert {"prefect", "scores", "matplotlib", "PIL"} <= imported
    packages = metadata.packages_distributions()
    foreign = imported - sys.stdlib_module_names - {"dhbv", "bmi", "flows"}
    missing = {n for n in foreign if not {p.lower() for p in packages[n]} & required("flows")}
    assert not missing


def imports(file: Path) -> set[str]:
    """Packages that a module imports when it is imported."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    names = [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in body if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


def required(extra: str) -> set[str]:
    """Names of distributions that come with an extra, and those that always come."""
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names: set[str] = set()
    for requirement in map(Requirement, [*project["dependencies"], *project["optional-dependencies"][extra]]):
        if requirement.name == project["name"]:
            names |= set().union(*map(required, requirement.extras))
        else:
            names.add(requirement.name.lower())
    return names


def test_containers_and_units_start_pools_that_exist() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    commands = [" ".join(s["command"]) for s in compose["services"].values() if "command" in s]
    pools = {c.split("--pool ")[1].split()[0] for c in commands if "--pool" in c}
    assert pools == set(bootstrap.POOLS)
    for service in compose["services"].values():
        if "build" in service:
            assert (DEPLOY.parent / service["build"]["dockerfile"]).is_file()
    for file in DEPLOY.glob("*.Containerfile"):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("COPY ") and "--from" not in line:
                assert all((DEPLOY.parent / name).exists() for name in line.split()[1:-1]), line


def test_alarms_go_to_a_block_where_there_is_one() -> None:
    forecast, block = uuid4(), uuid4()
    silent, loud = (bootstrap.automations(forecast, notify) for notify in (None, block))
    assert [a.name for a in silent] == [bootstrap.NEW_WEIGHTS, bootstrap.LATE, bootstrap.ZOMBIE]
    assert [isinstance(a.actions[-1], DoNothing) for a in silent] == [False, True, True]
    for alarm in loud[1:]:
        action = alarm.actions[-1]
        assert isinstance(action, SendNotification)
        assert action.block_document_id == block
    assert silent[0].trigger.expect == {PROMOTED}


def test_an_operation_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="cannot read the configuration"):
        bootstrap.main(["process", "--operation", str(tmp_path / "no.yaml")])


def test_a_server_that_starts_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    problems: list[Exception | None] = [ConnectionError("refused"), ConnectionError("refused"), None]

    class Client:
        api_url = "http://127.0.0.1:4200/api"

        async def __aenter__(self) -> Client:
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

        async def api_healthcheck(self) -> Exception | None:
            return problems.pop(0)

    async def no_time(_: float) -> None:
        pass

    monkeypatch.setattr(bootstrap, "get_client", Client)
    monkeypatch.setattr("flows.bootstrap.asyncio.sleep", no_time)
    asyncio.run(bootstrap._answered())
    assert problems == [], "it answered at the third question"


def test_without_a_server_the_message_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_operation(tmp_path)
    monkeypatch.setattr(bootstrap, "PATIENCE", 0.0)
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}),
        pytest.raises(
            SystemExit, match=r"no Prefect server answers at http://127\.0\.0\.1:1/api .*start one"
        ),
    ):
        bootstrap.main(["process", "--operation", str(tmp_path / "operation.yaml")])


@pytest.mark.drill
@pytest.mark.usefixtures("prefect")
def test_a_pool_of_another_kind_is_refused(tmp_path: Path) -> None:
    make_operation(tmp_path)
    arguments = ["--operation", str(tmp_path / "operation.yaml"), "--file", str(tmp_path / "none.yaml")]
    # The pools are made; then the file is missed.
    with pytest.raises(SystemExit, match=r"none\.yaml is not there"):
        bootstrap.main(["process", *arguments])
    with pytest.raises(SystemExit, match="runs as process, not docker: a pool cannot change what it is"):
        bootstrap.main(["docker", *arguments])
