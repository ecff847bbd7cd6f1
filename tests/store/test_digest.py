"""The digest tells data apart and nothing else."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xarray as xr

from dhbv.store import Store, digest_of, parquet
from tests.data.conftest import small_region

WINDOW = ("2000-02-26", "2000-03-02")


def test_it_does_not_see_how_the_data_came_to_be(region: xr.Dataset, store: Store) -> None:
    digest = digest_of(region)
    assert re.fullmatch("[0-9a-f]{64}", digest)
    reversed_names = region[list(region.data_vars)[::-1]]
    assert digest_of(reversed_names) == digest
    assert digest_of(region.transpose("time", "basin")) == digest
    assert (
        digest_of(region.assign_attrs(source="elsewhere").map(lambda v: v.copy(), keep_attrs=False)) == digest
    )
    big_endian = region.assign(prcp=region["prcp"].astype(">f4"))
    assert digest_of(big_endian) == digest
    holes = region.copy(deep=True)
    holes["prcp"].values[0, 0] = np.nan
    other_nan = holes.copy(deep=True)
    other_nan["prcp"].values.view(np.uint32)[0, 0] = 0xFFC12345
    assert np.isnan(other_nan["prcp"].values[0, 0])
    assert digest_of(other_nan) == digest_of(holes) != digest
    zero, minus = region.copy(deep=True), region.copy(deep=True)
    zero["prcp"].values[0, 0], minus["prcp"].values[0, 0] = 0.0, -0.0
    assert digest_of(zero) == digest_of(minus)
    np.testing.assert_array_equal(minus["prcp"].values, zero["prcp"].values)
    assert np.signbit(minus["prcp"].values[0, 0]), "what is digested is not changed"


def test_it_sees_every_value(region: xr.Dataset) -> None:
    seen = {digest_of(region)}
    count = 1
    for name, variable in region.data_vars.items():
        for place in np.ndindex(variable.shape):
            changed = region.copy(deep=True)
            value = changed[name].values[place]
            changed[name].values[place] = (
                f"{value}x" if isinstance(value, str) else np.nextafter(value, np.inf, dtype=variable.dtype)
            )
            seen.add(digest_of(changed))
            count += 1
    assert len(seen) == count


def test_it_sees_basins_days_names_and_order(region: xr.Dataset) -> None:
    words = region.assign_coords(basin=np.array(["0101", "350002177000"], dtype=object))
    others = [
        region.isel(basin=[1, 0]),
        region.isel(basin=[0]),
        region.isel(time=slice(1, None)),
        region.assign_coords(time=region["time"] + np.timedelta64(1, "D")),
        region.rename(tmin="vp"),
        region.drop_vars("tmin"),
        region.rename(gauge_lat="gauge_lon"),
        region.assign(prcp=region["tmin"], tmin=region["prcp"]),
        region.assign(geol_1st_class=("basin", np.array(["Metamorphic", "sMetamorphics"], dtype=object))),
        region.assign(geol_1st_class=("basin", np.array(["MetamorphicsM", "etamorphics"], dtype=object))),
        words,
        words.assign_coords(basin=np.array(["010135", "0002177000"], dtype=object)),
    ]
    digests = [digest_of(ds) for ds in (region, *others)]
    assert len(set(digests)) == len(digests)


def test_it_is_that_of_the_window(region: xr.Dataset, store: Store) -> None:
    store.append(region, source="test")
    assert (
        store.digest(*WINDOW)
        == digest_of(store.window(*WINDOW))
        == digest_of(region.drop_vars("geol_2nd_class"))
    )
    some = {"basins": ["02177000"], "variables": ["prcp"]}
    assert store.digest(*WINDOW, **some) == digest_of(store.window(*WINDOW, **some))


def test_growth_elsewhere_does_not_matter(
    region: xr.Dataset, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "FILES_PER_PARTITION", 2)
    store.append(region, source="test")
    basins = list(store.basins())
    digest = store.digest(*WINDOW, basins=basins)
    when = store.receipts()[-1].when
    later = small_region(5, basins=("a", *basins)).assign_coords(
        time=region["time"].values[:5] + np.timedelta64(6, "D")
    )
    later = later.assign(pet=later["prcp"])
    store.append(later, source="later")
    for day in range(5):
        later["prcp"].values[:] += 1
        store.append(later[["prcp"]].isel(time=[day]), source="again")
    assert store.digest(*WINDOW, basins=basins) == digest
    assert store.digest(*WINDOW) != digest, "a basin more"
    correction = region[["prcp"]] + np.float32(1)
    store.append(correction, source="correction")
    assert store.digest(*WINDOW, basins=basins) != digest
    assert store.digest(*WINDOW, as_of=when) == digest


def test_it_is_the_same_on_every_machine() -> None:
    """A number that changed would make a model's record of its data useless."""
    ds = small_region(2).assign(
        {
            n: (("basin", "time"), np.array([[0.5, 1.25], [np.nan, 3.0]], np.float32))
            for n in ("prcp", "tmin", "tmax", "streamflow")
        }
    )
    assert digest_of(ds) == "4bcdf25571dd2aacadae34a9bf51d62e45a35fd38f24585984b633e9338bc287"


@pytest.fixture
def region() -> xr.Dataset:
    return small_region(6)
