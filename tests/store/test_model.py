"""The store against the simplest thing that could be right: a dictionary of cells, each with its history."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhbv.data.schema import TIME_VARIABLES, assemble
from dhbv.store import Store, parquet
from tests.store.conftest import at

BASINS = ("b", "a", "c")
DAYS = pd.date_range("1999-12-29", periods=6)
VARIABLES = ("streamflow", "pet", "prcp")

Cell = tuple[str, str, pd.Timestamp]

VALUES = st.sampled_from([np.nan, 0.0, -0.0, 1.5, 2.25])


@st.composite
def appends(draw: st.DrawFn) -> dict[str, Any]:
    basins = draw(st.lists(st.sampled_from(BASINS), min_size=1, unique=True))
    days = sorted(draw(st.lists(st.sampled_from(list(DAYS)), min_size=1, unique=True)))
    names = draw(st.lists(st.sampled_from(VARIABLES), min_size=1, unique=True))
    shape = len(basins) * len(days)

    def array(values: st.SearchStrategy[Any]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=shape, max_size=shape))).reshape(
            len(basins), len(days)
        )

    series = {name: array(VALUES) for name in names}
    aside = draw(st.sampled_from(["", names[0]]))
    reasons = array(st.sampled_from(["", "", "stuck", "jump"])) if aside else None
    return {"basins": basins, "days": days, "series": series, "aside": aside, "reasons": reasons}


class Model:
    """Cells with every value they had, and what waits in quarantine."""

    def __init__(self) -> None:
        self.cells: dict[Cell, list[tuple[int, float]]] = {}
        self.aside: list[tuple[Cell, float, str, int]] = []

    def now(self, cell: Cell, batch: int = 10**9) -> float:
        values = [v for b, v in self.cells.get(cell, []) if b <= batch]
        return values[-1] if values else np.nan

    def released(self, cell: Cell, value: float, batch: int) -> bool:
        return any(b > batch and v == value for b, v in self.cells.get(cell, []))

    def append(self, given: dict[str, Any], batch: int) -> dict[str, int]:
        counts = dict.fromkeys(("added", "corrected", "unchanged", "set_aside"), 0)
        held = []
        for name, array in given["series"].items():
            for (i, j), value in np.ndenumerate(array):
                cell = (given["basins"][i], name, given["days"][j])
                before = self.now(cell)
                reason = given["reasons"][i, j] if name == given["aside"] else ""
                if np.isnan(value):
                    continue
                if value == before:
                    counts["unchanged"] += 1
                elif reason:
                    waits = any(
                        (c, v, r) == (cell, value, reason) and not self.released(c, v, b)
                        for c, v, r, b in self.aside
                    )
                    counts["unchanged" if waits else "set_aside"] += 1
                    held += [] if waits else [(cell, float(value), str(reason), batch)]
                else:
                    counts["added" if np.isnan(before) else "corrected"] += 1
                    self.cells.setdefault(cell, []).append((batch, float(value) + 0.0))
        self.aside += held
        return counts


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([1, 3]), st.lists(appends(), min_size=1, max_size=7))
def test_the_store_is_a_dictionary_of_histories(
    monkeypatch: pytest.MonkeyPatch, limit: int, steps: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(parquet, "FILES_PER_PARTITION", limit)
    monkeypatch.setattr(parquet, "ROW_GROUP", 3)
    with tempfile.TemporaryDirectory() as folder:
        store, model, batch = Store(folder), Model(), 0
        for step in steps:
            new = assemble(step["basins"], np.array(step["days"], "datetime64[ns]"), step["series"])
            quarantine = None
            if step["aside"]:
                quarantine = new[[step["aside"]]].copy(data={step["aside"]: step["reasons"].astype(object)})
            receipt = store.append(new, source=f"s{batch + 1}", quarantine=quarantine, at=at(batch + 1))
            counts = model.append(step, batch + 1)
            assert {name: getattr(receipt, name) for name in counts} == counts
            wrote = counts["added"] + counts["corrected"] + counts["set_aside"] > 0
            assert receipt.batch == (batch + 1 if wrote else None)
            batch += wrote
        compare(store, model, batch)


def compare(store: Store, model: Model, batches: int) -> None:
    first, last = DAYS[0].date(), DAYS[-1].date()
    for batch in range(batches + 1):
        basins = sorted({c[0] for c, seen in model.cells.items() if seen[0][0] <= batch})
        if not basins:
            continue
        ds = store.window(first, last, as_of=at(batch), variables=VARIABLES)
        assert ds["basin"].values.tolist() == basins
        for name in VARIABLES:
            expected = [[model.now((b, name, d), batch) for d in DAYS] for b in basins]
            np.testing.assert_array_equal(ds[name].values, np.array(expected, np.float32))
            assert ds[name].attrs["units"] == TIME_VARIABLES[name].unit
    assert store.basins() == tuple(sorted({c[0] for c in model.cells}))
    # Every cell would take long; those with most to tell are tried.
    for basin, name, day in sorted(model.cells, key=lambda c: -len(model.cells[c]))[:4]:
        seen = [(k.batch, k.value, k.when, k.source) for k in store.history(basin, name, day.date())]
        assert seen == [(b, v, at(b), f"s{b}") for b, v in model.cells[basin, name, day]]
    for name in VARIABLES:
        known = [c for c in model.cells if c[1] == name]
        days = [c[2].date() for c in known]
        assert store.span(name) == ((min(days), max(days)) if days else None)
        for batch in range(batches + 1):
            new = sum(any(b > batch for b, _ in model.cells[c]) for c in known)
            assert store.basin_days_since(at(batch), name) == new
    listed = store.quarantined()
    rows = [
        ((r.basin, r.variable, r.day), r.value, r.reason, r.source, pd.isna(r.released))
        for r in listed.itertuples()
    ]
    expected_rows = [(c, v, r, f"s{b}", not model.released(c, v, b)) for c, v, r, b in model.aside]
    assert sorted(rows) == sorted(expected_rows)
    assert (listed["when"].is_monotonic_increasing) or listed.empty
