"""What `dhbv forecast` and `dhbv benchmark scale` do with a domain too large for one array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from dhbv.configuration import Period
from dhbv.data.nextgen_hours import NETCDF_SUFFIXES, is_nextgen
from dhbv.data.schema import DataError
from dhbv.errors import DhbvError
from dhbv.model_directory import ModelDirectory
from dhbv.scale.chunks import WHOLE, Shard


def is_domain(data: Path) -> bool:
    """Whether `data` is forcing of NextGen, to be run chunk by chunk, rather than a region."""
    try:
        return data.suffix.lower() in NETCDF_SUFFIXES and data.is_file() and is_nextgen(data)
    except DataError:
        return False  # whoever reads it says what is wrong


def refuse(given: Mapping[str, object], reason: str) -> None:
    """Raise DhbvError if any option by name has a value."""
    names = [name for name, value in given.items() if value is not None]
    if names:
        raise DhbvError(f"{', '.join(names)}: {reason}")


def forecast(
    model: ModelDirectory,
    data: Path,
    attributes: Path | None,
    period: Period,
    out: Path,
    *,
    state: Path | None,
    spin_up_days: int,
    chunk: int | None,
    shard: str | None,
    on_progress: Callable[[int, int, str], None],
) -> str:
    """Run a domain; see `dhbv.scale.national.run`. `on_progress` also gets a note on the rate.

    Returns:
        One line on what was done.

    Raises:
        DhbvError: as `run`.
    """
    from dhbv.scale import national

    if attributes is None:
        raise DhbvError(
            f"{data} is NextGen forcing and holds no attributes: give --attributes TABLE.parquet (or CSV)"
        )
    taken = WHOLE if shard is None else Shard.parse(shard)
    clock = national.Rate()
    ran = national.run(
        model, data, attributes, period, out, states=state, spin_up_days=spin_up_days,
        chunk=chunk, shard=taken,
        on_progress=lambda done, total: on_progress(done, total, clock.note(done)),
    )  # fmt: skip
    before = f", {ran.skipped} finished before" if ran.skipped else ""
    part = f" (shard {taken.number}/{taken.of})" if taken.of > 1 else ""
    return (
        f"{ran.catchments + ran.skipped} catchments × {ran.days} days{part}{before}, {ran.start}: {out}, in "
        f"{ran.opening_s + ran.seconds:.1f} s"
    )
