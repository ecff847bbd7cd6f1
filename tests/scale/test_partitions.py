"""A domain split among processes, as ngen's MPI partitions split it, gives every catchment the same water."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.ngen.components import domain, spun_up
from tests.ngen.domain import Domain
from tests.ngen.driver import Simulation
from tests.small_models import small_model

SIZE, DAYS = 7, 3
PARTS = ((0, 3), (3, 4), (4, 7))
"""Catchments of each process; two of them share a nexus."""

RANK = """
import json, sys
from pathlib import Path
from tests.ngen.driver import Simulation
folder, part = map(Path, sys.argv[1:])
with Simulation(folder / "realization.json", part, folder / "nexus.geojson", root=folder) as simulation:
    simulation.run()
    print(json.dumps([simulation.depth, simulation.flow, simulation.outputs]))
"""
"""What a rank does: the realization of all, the catchments of its own part."""


def parts_of(whole: Domain) -> list[Path]:
    """The hydrofabric, cut as a partition file cuts it."""
    features = json.loads(whole.catchments.read_text(encoding="utf-8"))["features"]
    made = []
    for k, (first, stop) in enumerate(PARTS):
        path = whole.folder / f"part-{k}.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features[first:stop]}))
        made.append(path)
    return made


def test_processes_over_parts_of_a_domain_give_the_water_of_one(tmp_path: Path) -> None:
    model = small_model(tmp_path / "model")
    spun_up(model, SIZE, tmp_path / "start.state")  # one file of all, from which each takes its own
    whole = domain(tmp_path / "domain", model, SIZE, DAYS, config={"state": "../../start.state"})
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(whole.folder), str(part)], stdout=subprocess.PIPE, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}, cwd=Path(__file__).parents[2],
        )
        for part in parts_of(whole)
    ]  # fmt: skip
    alone: Simulation = whole.run()
    flow: dict[str, np.ndarray] = {}
    seen: list[str] = []
    for rank in ranks:
        said, _ = rank.communicate(timeout=120)
        assert rank.returncode == 0
        depth, nexuses, outputs = json.loads(said)
        seen += depth
        for name in depth:
            assert depth[name] == alone.depth[name], "to the bit"
            assert outputs[name] == alone.outputs[name]
        for name, values in nexuses.items():
            flow[name] = flow.get(name, 0.0) + np.array(values)
    assert seen == list(alone.depth)
    assert max(max(d) for d in alone.depth.values()) > 0.0
    assert set(flow) == set(alone.flow)
    # A nexus that two processes drain to is added up in another order.
    for name, values in flow.items():
        np.testing.assert_allclose(values, alone.flow[name], rtol=1e-14, atol=0.0)


def test_a_process_that_lacks_its_states_says_so(tmp_path: Path) -> None:
    model = small_model(tmp_path / "model")
    spun_up(model, SIZE - 1, tmp_path / "start.state")
    whole = domain(tmp_path / "domain", model, SIZE, 1, config={"state": "../../start.state"})
    last = parts_of(whole)[-1]
    with pytest.raises(Exception, match=r"the state has no basin cat-7 \(1 of 1 absent\)"):
        Simulation(whole.realization, last, whole.nexuses, root=whole.folder).run(1)
