"""What can be asked for, by any of its names: the variable table, and what was put into stores from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from dhbv.errors import DhbvError
from dhbv.physics.variables import VARIABLES, Variable
from dhbv.physics.water_balance import STORES

BOOKED = {
    store: Variable(
        f"booked_{store}", None, None, "mm d-1", "flux", "step",
        f"put into the store of {VARIABLES[store].description} from outside at the beginning of the day, or taken out (below 0)",
    )
    for store in STORES
}  # fmt: skip
"""Increments of data assimilation or of a store set by hand, by store; 0 where there were none."""

KNOWN = VARIABLES | {v.name: v for v in BOOKED.values()}
"""Every variable of the archive by its own name."""

_BY_ANY = {
    name.casefold(): v for v in KNOWN.values() for name in (v.alias, v.standard_name, v.name) if name is not None
}  # fmt: skip


def resolve(asked: Sequence[str] | str | None) -> dict[str, Variable]:
    """The rows meant by our own names, CSDMS names or aliases, under the names as they were asked for; upper and lower
    case are one.

    Args:
        asked: names; none means the variable table.

    Raises:
        DhbvError: for a name that is none of them (tells the nearest), or none at all.
    """
    if asked is None:
        return dict(VARIABLES)
    names = [asked] if isinstance(asked, str) else list(asked)
    if not names:
        raise DhbvError("no variable is named: name some, or leave the list out for all")
    unknown = [n for n in names if n.casefold() not in _BY_ANY]
    if unknown:
        hints = "; ".join(
            f"{n!r} (nearest: {', '.join(nearest(n, _every_name())) or 'none'})" for n in unknown[:5]
        )
        raise DhbvError(
            f"{len(unknown)} unknown variables: {hints}: docs/fluxes.md has the table, `dhbv fluxes list` the names"
        )
    return {name: _BY_ANY[name.casefold()] for name in names}


def nearest(name: str, there: Iterable[str], count: int = 3) -> list[str]:
    """Up to `count` of the names `there` that look most like `name`, the best first."""
    by_case = {n.casefold(): n for n in there}
    return [by_case[n] for n in get_close_matches(name.casefold(), by_case, n=count, cutoff=0.5)]


def _every_name() -> list[str]:
    return [n for v in KNOWN.values() for n in (v.name, v.alias, v.standard_name) if n is not None]
