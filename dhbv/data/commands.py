"""`dhbv data`: regions made of others."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhbv.errors import DhbvError
from dhbv.files import refuse_overwriting, written_whole
from dhbv.options import Attributes, Data
from dhbv.terminal import say
from dhbv.wording import counted

if TYPE_CHECKING:
    import xarray as xr

app = typer.Typer(
    help="Data made of data: past flow as attributes, several weather products as one.", no_args_is_help=True
)

Out = Annotated[Path, typer.Option(help="NetCDF to write.", show_default=False)]


@app.command()
def history(
    data: Data,
    start: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="First day.", show_default=False)],
    end: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day.", show_default=False)],
    out: Out,
    attributes: Attributes = None,
) -> None:
    """Add what flow observed in the training period tells of each basin (history_q_mean …), for models that learn
    their parameters from past flow too (gz). Days that a model is tested on must lie outside. Example:

    dhbv data history --data $CAMELS/camels_us_maurer.nc --start 1999-10-01 --end 2008-09-30 --out runs/maurer_gz.nc
    """
    from dhbv.attributes import HISTORY_ATTRIBUTES
    from dhbv.configuration import Period
    from dhbv.data import files_of, open_region
    from dhbv.data.history import with_history
    from dhbv.data.schema import some

    try:
        period = Period(start=start.date(), end=end.date())
    except ValueError as error:
        raise DhbvError(f"--start, --end: {error}") from None
    refuse_overwriting({"--out": out}, files_of(data, attributes))
    region = with_history(open_region(data, attributes=attributes), period)
    _write(region, out)
    known = region[list(HISTORY_ATTRIBUTES)].to_array().notnull().all("variable")
    silent = [str(b) for b in region["basin"].values[~known.values]]
    if silent:
        say(f"no history of {some(silent)}: flow was observed on too few days of {period}")
    say(
        f"{counted(int(known.sum()), 'basin')}, {len(HISTORY_ATTRIBUTES)} attributes of their flow in {period}: {out}"
    )


@app.command()
def combine(
    data: Annotated[
        list[Path],
        typer.Argument(help="Two or more weather products: CAMELS folders or NetCDF.", show_default=False),
    ],
    out: Out,
    attributes: Attributes = None,
) -> None:
    """Make one region of several weather products: their mean on the basins that all have, on every day that any has.
    Flow and attributes are those of the first. Example:

    dhbv data combine $CAMELS/camels_us_maurer.nc $CAMELS/camels_us_daymet.nc --out runs/maurer_daymet.nc
    """
    from dhbv.data import files_of, open_region
    from dhbv.data.combine import SINGLE
    from dhbv.data.combine import combine as combined

    refuse_overwriting({"--out": out}, [file for path in data for file in files_of(path, attributes)])
    names = [path.stem for path in data]
    if len(set(names)) < len(names):
        names = [str(path) for path in data]
    region = combined(
        {name: open_region(path, attributes=attributes) for name, path in zip(names, data, strict=True)}
    )
    _write(region, out)
    if region.attrs[SINGLE]:
        say(
            f"{region.attrs[SINGLE]} of {region.sizes['time']} days rest on one product: keep periods to days of all"
        )
    size = f"{counted(region.sizes['basin'], 'basin')} × {counted(region.sizes['time'], 'day')}"
    say(f"{size}, {region.attrs['source']}: {out}")


def _write(region: xr.Dataset, out: Path) -> None:
    packed = {
        str(name): {"zlib": True, "complevel": 1} for name, v in region.data_vars.items() if v.ndim == 2
    }
    with written_whole(out) as draft:
        region.to_netcdf(draft, encoding=packed)
