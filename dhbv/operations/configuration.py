"""What an operation is: where its data, versions and forecasts lie, and the rules it follows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import msgspec

from dhbv import configuration
from dhbv.assimilation import AssimilationConfig
from dhbv.configuration import Natural, NonNegative, Positive, Section, in_unit
from dhbv.evaluation.thresholds import GateConfig


class ForecastConfig(Section, frozen=True):
    """How a cycle is run."""

    days: Positive = 10
    """How many days ahead, T0 among them."""
    weather: str | None = None
    """Folder of weather forecasts, one NetCDF a cycle named by its day T0 (2024-05-01.nc), in the schema
    of the data, each variable with its `units`; with a dimension `member` where it is an ensemble. Where it
    lacks a cycle's file, or is not given, past years' weather of the same dates stands in, flagged."""
    spin_up_days: Positive = 1095
    """Days run up to T0 where no state of the weights is at hand."""
    fill_days: Natural = 7
    """Of the days up to T0 so many may lack weather in a basin before the cycle leaves it out; the mean
    weather of the same dates stands in for them, flagged."""
    wait_days: Natural | None = None
    """So many days after T0 a cycle is made although weather before T0 has not come; `fill_days` applies.
    None: cycles follow the data alone, as in a replay or a demonstration."""
    quantiles: tuple[float, ...] = (0.05, 0.25, 0.5, 0.75, 0.95)
    """Of an ensemble, kept of every flux."""
    assimilation: AssimilationConfig | None = None
    """How the state at T0 is updated from the flow observed before it; None: not at all."""

    def __post_init__(self) -> None:
        if list(self.quantiles) != sorted({q for q in self.quantiles if 0.0 < q < 1.0}):
            raise ValueError(f"quantiles must rise and lie between 0 and 1, not {list(self.quantiles)}")


class RetrainConfig(Section, frozen=True):
    """When a challenger is trained, and on what it is tried."""

    every_days: Positive = 90
    """Days after the last training, whatever has happened."""
    new_basin_days: Positive = 20_000
    """Observed basin-days, new or corrected, since the last training."""
    skill_loss: NonNegative = 0.05
    """By how much the champion's median NSE over the last `test_days` may lie below what it was made with."""
    rest_days: Natural = 7
    """Days after a training in which lost skill is no reason for another: it has just been tried."""
    test_days: Positive = 365
    """The newest days, kept from training, on which challenger and champion are compared."""
    fill_days: Natural = 60
    """Of all days so many may lack weather in a basin before it is left out; the mean weather of the same dates
    stands in."""
    warm_start: bool = True
    """Whether training starts from the champion's weights rather than from scratch."""


class SourcesConfig(Section, frozen=True):
    """Where new data come from."""

    drop: str | None = "incoming"
    """Folder whose new files are taken: CSV, Parquet or NetCDF, see `dhbv.store.drop_folder`."""
    nextgen: str | None = None
    """NextGen hourly forcing: a NetCDF file or a folder of CSV files."""
    utc_offset: Annotated[int, msgspec.Meta(ge=-12, le=14), in_unit("hours")] = 0
    """Hours by which local time, whose midnight divides the days of that forcing, is ahead of UTC."""
    usgs: bool = False
    """Whether daily flow of the basins with USGS site numbers is asked for."""
    usgs_series: dict[str, str] = msgspec.field(default_factory=dict)
    """The `time_series_id` to take of sites that have several which differ, by site number."""
    usgs_start: dt.date | None = None
    """The first day to ask for while the store holds no flow; later on the newest 90 days are asked for again."""


class OperationConfig(Section, frozen=True):
    """One operation. Paths are relative to the file."""

    training: str
    """A training configuration; its `data.train.start` and basins count, its other periods follow the data."""
    store: str = "store"
    """The growing data store."""
    registry: str = "registry"
    """The versioned weights."""
    forecasts: str = "forecasts"
    """Cycles and states."""
    fluxes: str = "fluxes"
    """The archive of every flux and store of those cycles; another operation's, as a replay's, needs its own."""
    sources: SourcesConfig = SourcesConfig()
    forecast: ForecastConfig = ForecastConfig()
    retrain: RetrainConfig = RetrainConfig()
    gate: GateConfig = GateConfig()


class Operation(msgspec.Struct, frozen=True):
    """A configured operation."""

    config: OperationConfig
    folder: Path
    """Of the configuration file."""

    @property
    def store(self) -> Path:
        return self.folder / self.config.store

    @property
    def registry(self) -> Path:
        return self.folder / self.config.registry

    @property
    def forecasts(self) -> Path:
        return self.folder / self.config.forecasts

    @property
    def fluxes(self) -> Path:
        return self.folder / self.config.fluxes

    @property
    def training(self) -> configuration.Config:
        """How challengers are trained.

        Raises:
            ConfigurationError: see `dhbv.configuration.load`.
        """
        return configuration.load(self.folder / self.config.training, configuration.Config)


def load(path: Path) -> Operation:
    """The operation in the YAML file `path`.

    Raises:
        ConfigurationError: see `dhbv.configuration.load`.
    """
    return Operation(configuration.load(path, OperationConfig), Path(path).absolute().parent)
