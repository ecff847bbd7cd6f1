"""The family of configurations: the models of the papers, all else alike, so that they can be compared."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dhbv import configuration
from dhbv.configuration import Config

FOLDER = Path(__file__).parents[2] / "configs" / "experiments"

FAMILY = {
    "hbv_m1": ("hbv", 1, ()),
    "hbv": ("hbv", 16, ()),
    "delta": ("delta", 16, ()),
    "delta_bt": ("delta_bt", 16, ("beta",)),
    "delta_gt": ("delta_gt", 16, ("gamma",)),
    "delta_bt_gt": ("delta_bt_gt", 16, ("beta", "gamma")),
    "delta_bt_gt_capillary": ("delta_bt_gt+capillary", 16, ("beta", "gamma")),
}


def test_the_family_is_that_of_the_papers() -> None:
    found = {path.stem: configuration.load(path, Config) for path in FOLDER.glob("*.yaml")}
    told = {n: (c.model.variant, c.model.components, c.model.form.dynamic) for n, c in found.items()}
    assert told == FAMILY
    assert all(len(c.data.basins or ()) == 531 for c in found.values())
    assert len({c.data for c in found.values()}) == 1, "one protocol"
    first, *others = (c.training for c in found.values())
    assert all(other == first for other in others), "one recipe"
    alike = {msgspec.structs.replace(c.model.network, kind="mlp") for c in found.values()}
    assert len(alike) == 1, "one size of network"
