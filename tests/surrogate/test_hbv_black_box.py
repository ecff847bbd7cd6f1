"""HBV as a black box is the HBV of the physics."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from dhbv.physics import hbv
from dhbv.physics.parameters import ROUTING_PARAMETERS, variant
from dhbv.physics.unit_hydrograph import route, unit_hydrograph
from dhbv.surrogate.hbv import HBV
from tests.conftest import weather


def test_it_is_the_day_by_day_reference() -> None:
    forcing = weather(200, 5)
    about = HBV.description
    values = about.values(np.random.default_rng(0).random((5, len(about.parameters))))
    made = HBV(values, forcing.transpose(1, 0, 2).astype(np.float32))
    θ = {p.name: values[:, k] for k, p in enumerate(about.parameters)}
    columns = {name: θ[name][:, None] for name in variant("hbv").parameters}
    _, water = hbv.simulate(hbv.initial_stores(columns["fc"]), forcing, columns, outputs=("q0", "q1", "q2"))
    u = unit_hydrograph(*(θ[p.name] for p in ROUTING_PARAMETERS))
    runoff, _ = route(water["q0"] + water["q1"] + water["q2"], u)
    np.testing.assert_allclose(made[..., 0].T, runoff, rtol=2e-3, atol=1e-3)
    assert about.inputs == ("prcp", "temperature", "pet")
