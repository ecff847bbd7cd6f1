"""The static attributes of a domain: a table too long for lists, read once and handed out chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from numpy.typing import NDArray

from dhbv.attributes import LATITUDE
from dhbv.data.attribute_table import KEYS, read_attributes
from dhbv.data.schema import DataError, some
from dhbv.scale.chunks import Chunk

PARQUET = ".parquet"

VPU_COLUMNS = ("vpuid", "vpu")
"""Names under which hydrofabrics tell the vector processing unit: v2.2's divides, and the networks of others."""


class DomainAttributes:
    """Attributes `names` and the latitude of `catchments`, in their order.

    Args:
        path: Parquet, or CSV as `read_attributes` reads it, with a key column `gauge_id` or `basin`.
        catchments: ids; the table may hold more, in any order.
        names: of the attributes a model needs.

    Raises:
        DataError: if it cannot be read, repeats an id, or lacks a column or a catchment; names them.
    """

    def __init__(self, path: Path, catchments: Sequence[str], names: Sequence[str]) -> None:
        self._path, self._catchments = path, catchments
        self.names = tuple(dict.fromkeys((*names, LATITUDE)))
        table, key = self._read()
        keys = table[key].cast(pa.string()).combine_chunks()
        if pc.count_distinct(keys).as_py() < len(keys):
            counted = pc.value_counts(keys)
            repeated = counted.filter(pc.greater(counted.field("counts"), 1)).field("values").to_pylist()
            raise DataError(
                f"{path}: basin {some(list(map(str, repeated)))} has more than one row: keep each once"
            )
        self._rows = pc.index_in(pa.array(catchments, pa.string()), value_set=keys)
        if self._rows.null_count:
            absent = [c for c, row in zip(catchments, self._rows.is_null().to_pylist(), strict=True) if row]
            raise DataError(
                f"{path}: no row for catchment {some(absent)} ({len(absent)} of {len(catchments)}): add the rows, or "
                "leave these catchments out of the forcing"
            )
        self._table = table.select(list(self.names)).combine_chunks()
        vpu = next((name for name in VPU_COLUMNS if name in table.column_names), None)
        self._vpu = None if vpu is None else table[vpu].cast(pa.string()).combine_chunks()

    def columns(self, chunk: Chunk) -> dict[str, list[object]]:
        """For each attribute the values of a chunk; None where it has none."""
        table = self._table.take(self._rows.slice(chunk.first, chunk.stop - chunk.first))
        return {name: table[name].to_pylist() for name in self.names}

    def vpus(self) -> dict[str, int]:
        """How many catchments each VPU has, in the order of the catchments.

        Raises:
            DataError: if the table does not tell, or the catchments of a VPU do not stand together.
        """
        if self._vpu is None:
            raise DataError(
                f"{self._path}: no column {' or '.join(VPU_COLUMNS)}, which tells each catchment's VPU (hydrofabric v2.2 has "
                "it in its divides): add it, or write --shard as 2/8"
            )
        mine = self._vpu.take(self._rows)
        if mine.null_count:
            nameless = [
                c for c, null in zip(self._catchments, mine.is_null().to_pylist(), strict=True) if null
            ]
            raise DataError(
                f"{self._path}: catchment {some(nameless)} has no VPU ({len(nameless)} of {len(mine)}): fill the column"
            )
        runs = pc.run_end_encode(mine)
        names, ends = runs.values.to_pylist(), runs.run_ends.to_pylist()
        scattered = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if scattered:
            raise DataError(
                f"{self._path}: the catchments of VPU {some(scattered)} do not stand together in the forcing: write the "
                "forcing in the order of VPUs, or write --shard as 2/8"
            )
        return {name: end - begin for name, begin, end in zip(names, [0, *ends], ends, strict=False)}

    @staticmethod
    def latitude(columns: dict[str, list[object]]) -> NDArray[np.float64]:
        """Degrees north of the catchments of `columns`."""
        return np.array(columns[LATITUDE], dtype=np.float64)

    def _read(self) -> tuple[pa.Table, str]:
        """The columns wanted and the key, whose name is told."""
        if self._path.suffix.lower() != PARQUET:
            frame = read_attributes(self._path)
            self._require(list(map(str, frame.columns)))
            # As text: 01 is no number.
            vpu = pd.read_csv(
                self._path, usecols=lambda name: name in VPU_COLUMNS, dtype=str, skipinitialspace=True
            )
            told = frame[list(self.names)].assign(**{str(name): vpu[name].to_numpy() for name in vpu})
            return pa.Table.from_pandas(told.reset_index(), preserve_index=False), "basin"
        try:
            there = pq.read_schema(self._path).names
            key = next((k for k in KEYS if k in there), None)
            if key is None:
                raise DataError(
                    f"{self._path}: no key column: one of {' or '.join(KEYS)} must hold the catchments' ids; found "
                    f"{some(there)}"
                )
            self._require(there)
            more = [name for name in VPU_COLUMNS if name in there]
            return pq.read_table(self._path, columns=[key, *self.names, *more]), key
        except FileNotFoundError:
            raise DataError(
                f"{self._path}: no such attribute table: check the path given as --attributes FILE"
            ) from None
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(f"{self._path}: not readable as Parquet ({error}): write it anew") from None

    def _require(self, there: Sequence[str]) -> None:
        absent = [name for name in self.names if name not in there]
        if absent:
            raise DataError(
                f"{self._path}: the attribute table lacks {', '.join(absent)}: the model was trained with them, and "
                f"{LATITUDE} gives the evaporation; add the columns (single missing values may stay empty)"
            )
