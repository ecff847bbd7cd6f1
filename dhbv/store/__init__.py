"""The growing store: forcing, observed flow and attributes of many basins, in Parquet, appended day by day.

    daily/year=<year>/       rows (basin, day, batch) with a column for each daily variable
    attributes/              rows (basin, name, batch) with a number or a text
    quarantine/              rows (basin, day, variable, batch) with a value and the reason it was set aside
    journal.jsonl            a line for each batch: when, from which source, how much of it was new
    manifest.json            which files and how much of the journal are in force
    lock                     held by whoever writes

Nothing is ever changed in place. A batch adds files and puts them in force by replacing the manifest, so
that readers, who take no lock, see all of it or nothing, and a killed writer leaves nothing but files that
no manifest names. Of a cell (variable, basin, day) the value of the last batch rules; all others are its
history, and what the store knew at an earlier time is what the batches up to then say.
"""

from dhbv.store.digest import digest_of
from dhbv.store.manifest import Receipt
from dhbv.store.store import Known, Store

__all__ = ["Known", "Receipt", "Store", "digest_of"]
