"""`dhbv experiment calibrate|transfer|lstm`: what δ-HBV is compared with, under the same protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dhbv.errors import DhbvError
from dhbv.experiments.invocation import Name, Only, Out, Seed, Work, by_region, conduct, labels
from dhbv.options import Attributes, ConfigFile, Data, Device
from dhbv.terminal import Json

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from dhbv.configuration import Config
    from dhbv.experiments.plans import Plan

Protocol = Annotated[
    str, typer.Option(help="Which basins are held out: none (temporal), random folds (pub), regions (pur).")
]
Folds = Annotated[int, typer.Option(min=2, help="Random folds of the basins, for pub.")]
Repetitions = Annotated[
    int, typer.Option(min=1, help="Of SCE-UA a basin, as spotpy counts them: points kept count twice.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Basins calibrated at once; default: one a processor.")
]


def calibrate(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, json_file: Json = None,
    repetitions: Repetitions = 10_000, processes: Workers = None,
) -> None:  # fmt: skip
    """Baseline: plain HBV calibrated at each gauge by itself (SCE-UA), tested on other years.

    Basins, days and seed are those of the configuration. Each basin is kept as soon as it is done.

    Example: dhbv experiment calibrate --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --out docs/benchmarks/results/sceua.parquet
    """
    from dhbv.baselines import site_by_site
    from dhbv.data.schema import basin_ids
    from dhbv.experiments import plans

    conduct(
        config, [data], attributes, out, work, name or "HBV, SCE-UA", "cpu", json_file,
        lambda c, r: plans.temporal(c, basin_ids(r)),
        method=lambda c, r: site_by_site.calibrated(c, repetitions, _workers(processes)),
    )  # fmt: skip


def transfer(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, json_file: Json = None,
    protocol: Protocol = "pub", folds: Folds = 10, seed: Seed = 0,
    donors: Annotated[int, typer.Option(min=1, help="Gauged basins whose flows are averaged.")] = 1,
    repetitions: Repetitions = 10_000, processes: Workers = None,
) -> None:  # fmt: skip
    """Baseline: held-out basins with the calibrated parameters of the gauged basin whose attributes are nearest.

    The folds are those of `pub`, or the regions of `pur`. With the work folder of `calibrate` nothing is
    calibrated again.

    Example: dhbv experiment transfer --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --work runs/experiments/sceua --out docs/benchmarks/results/pub_transfer.parquet
    """
    from dhbv.baselines import site_by_site

    if protocol == "temporal":
        raise DhbvError("--protocol temporal holds out no basin to transfer parameters to: choose pub or pur")

    def plan(c: Config, r: xr.Dataset) -> Plan:
        made = _plan(protocol, c, r, data, folds, seed)
        return made._replace(
            choices=made.choices | {"donors": donors, "attributes": list(c.model.attributes)}
        )

    conduct(
        config, [data], attributes, out, work, name or "HBV, SCE-UA, transferred", "cpu", json_file, plan,
        method=lambda c, r: site_by_site.transferred(c, repetitions, _workers(processes), donors),
    )  # fmt: skip


def lstm(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, device: Device = "auto", json_file: Json = None,
    protocol: Protocol = "temporal", folds: Folds = 10, seed: Seed = 0,
    only: Only = None,
    hidden: Annotated[int, typer.Option(min=1, help="Units.")] = 256,
    dropout: Annotated[float, typer.Option(min=0.0, max=0.99, help="On the output of the LSTM.")] = 0.4,
) -> None:  # fmt: skip
    """Baseline: a plain LSTM from weather and attributes to streamflow, with no water balance.

    Basins, days, attributes, windows and training are those of the configuration; the loss is that of NSE alone.

    Example: dhbv experiment lstm --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --out docs/benchmarks/results/lstm.parquet
    """
    from dhbv.baselines import plain_lstm

    conduct(
        config, [data], attributes, out, work, name or "LSTM", device, json_file,
        lambda c, r: _plan(protocol, c, r, data, folds, seed),
        labels(only),
        method=lambda c, r: plain_lstm.plain_lstm(c, r, hidden, dropout),
    )  # fmt: skip


def _plan(protocol: str, config: Config, region: xr.Dataset, data: Path, folds: int, seed: int) -> Plan:
    """A plan of those that hold out no basin, random folds or regions."""
    from dhbv.data.schema import basin_ids
    from dhbv.experiments import plans

    if protocol == "temporal":
        return plans.temporal(config, basin_ids(region))
    if protocol == "pub":
        return plans.pub(config, basin_ids(region), folds=folds, seed=seed)
    if protocol == "pur":
        return by_region(config, region, data)
    raise DhbvError(f"--protocol {protocol!r}: choose temporal, pub or pur")


def _workers(asked: int | None) -> int:
    from dhbv.kernels import native

    return asked or native.processors()


COMMANDS = (calibrate, transfer, lstm)
"""To join those of `dhbv experiment`."""
