"""The way in for what comes from outside: past the quality gate, if there is one."""

from __future__ import annotations

from typing import Protocol

import xarray as xr

from dhbv.data.schema import basin_ids
from dhbv.store.incoming import refuse_lost_zeros
from dhbv.store.manifest import Receipt
from dhbv.store.store import Store


class Examined(Protocol):
    """What a gate finds; `dhbv.quality` reports this and more."""

    @property
    def clean(self) -> xr.Dataset:
        """What may be appended, of the schema."""

    @property
    def quarantine(self) -> xr.Dataset:
        """What is to be set aside and why, as `Store.append` takes it."""


class Gate(Protocol):
    """Looks at new data; may raise a DataError to refuse them as a whole."""

    def __call__(self, region: xr.Dataset, /) -> Examined:
        """See `Examined`."""


def admit(store: Store, region: xr.Dataset, source: str, gate: Gate | None, *, content: str = "") -> Receipt:
    """Append `region`, or what `gate` makes of it."""
    if gate is None:
        return store.append(region, source=source, content=content)
    # The store looks again; this is for the gate, which is not to report what is then refused.
    refuse_lost_zeros(basin_ids(region), store.basins(), source)
    found = gate(region)
    return store.append(found.clean, source=source, quarantine=found.quarantine, content=content)
