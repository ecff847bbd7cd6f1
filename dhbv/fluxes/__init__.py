"""The water inside, for those downstream: an archive of every flux and store, asked by basin, name, period and unit.

`open` and `open_forecasts` ask, `table` and `save` hand on, `balance` adds up; cycles of an operation and
`dhbv forecast --archive` write. docs/fluxes.md tells what each variable is.
"""

from dhbv.fluxes.ahead import open_forecasts
from dhbv.fluxes.archive import Archive, Entry, archive_run
from dhbv.fluxes.balancing import Balance, balance
from dhbv.fluxes.booking import booked
from dhbv.fluxes.export import save, table
from dhbv.fluxes.query import open

__all__ = [
    "Archive",
    "Balance",
    "Entry",
    "archive_run",
    "balance",
    "booked",
    "open",
    "open_forecasts",
    "save",
    "table",
]
