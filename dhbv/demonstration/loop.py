"""The operational loop in the small: a season arrives, weights are trained, tried, promoted and taken back.

All of it is done by the flows that operators run, on an operation like theirs; what is told is read from
the store, the registry and the forecasts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import xarray as xr

from dhbv import configuration, model_directory
from dhbv.configuration import Config, Period, TrainingConfig
from dhbv.demonstration.region import LEAST_HELD_OUT
from dhbv.errors import DhbvError
from dhbv.model_directory import ModelDirectory
from dhbv.operations import configuration as operations
from dhbv.operations import cycle, retraining
from dhbv.operations.analysis import DAY
from dhbv.operations.configuration import OperationConfig, RetrainConfig
from dhbv.registry import Registry, Version
from dhbv.store import Store

PORTIONS, PORTION_DAYS = 3, 30
"""The last season of the data arrives in three months."""
FIRST_ITERATIONS = 150
"""Minibatches of the first training: enough to serve, and to be bettered."""
HASTY_ITERATIONS, HASTY_RATE = 8, 20.0
"""Of the last one, from the champion's weights: so many minibatches at so many times the learning rate undo what it
had learned."""
FAULT = ("prcp", -12.0)
"""Planted in the first portion: rain that is less than none. The right value comes with the second."""
FAULTY = "1st portion"
MADE = ("store", "registry", "forecasts", "fluxes", "incoming", "reports", "training", "prefect", "operation.yaml", "train.yaml")  # fmt: skip
"""Files and folders of the operation."""


class Flows(NamedTuple):
    """What operators run; each takes the path of the operation's file first."""

    ingest: Callable[..., Any]
    forecast: Callable[..., Any]
    retrain: Callable[..., Any]
    promote: Callable[..., Any]
    rollback: Callable[..., Any]


Service = Callable[[Path, Callable[[str], None]], AbstractContextManager[Flows]]
"""Given a home and whom to tell what flows say: the flows, while a server for them runs."""


class Step(NamedTuple):
    """What was done and what came of it."""

    what: str
    found: str


class Looped(NamedTuple):
    """What the loop leaves."""

    champion: ModelDirectory
    summary: dict[str, Any]
    """In plain types: steps, journal, forecasts, scorecards and what was set aside."""


STEPS = 15
"""Told in turn, the scheduler's start first."""


def run(
    out: Path, region: xr.Dataset, config: Config, service: Service, tell: Callable[[str, str], None]
) -> Looped:
    """Run an operation in the folder `out`.

    Args:
        out: holds none of `MADE`.
        region: the last days of which arrive in portions.
        config: how challengers are trained.
        service: runs the flows.
        tell: told each step as it begins, and what the flows say.

    Raises:
        DhbvError: if a flow fails.
    """
    # The store knows potential evaporation from temperature alone.
    region = region.drop_vars("pet", errors="ignore")
    tell("scheduler", "")
    begun = [""]

    def heard(line: str) -> None:
        tell(begun[0], line)

    with service(out / "prefect", heard) as flows:
        course = _Course(out, region, config, flows, tell, begun)
        return course.run()


@dataclass
class _Course:
    """The steps, in order, and what is told of them."""

    out: Path
    region: xr.Dataset
    config: Config
    flows: Flows
    tell: Callable[[str, str], None]
    begun: list[str]
    steps: list[Step] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    right: xr.Dataset | None = None
    """What belongs in place of the fault, until it has come."""

    def run(self) -> Looped:
        season = PORTIONS * PORTION_DAYS
        known = self.region.sizes["time"] - season
        whole = self.config.training
        self.configure(msgspec.structs.replace(whole, iterations=FIRST_ITERATIONS))
        self.arrive("history", 0, known)
        first = self.retrain("first training", None)
        self.forecast("first forecast")
        self.arrive(FAULTY, known, known + PORTION_DAYS)
        self.forecast("forecasts")
        self.arrive("2nd portion", known + PORTION_DAYS, known + 2 * PORTION_DAYS)
        self.forecast("forecasts")
        # From scratch: begun with weights of few minibatches, training ends with flow as good and β
        # much less like the truth (correlation 0.4 in place of 0.7).
        self.configure(whole, warm_start=False)
        better = self.retrain("retraining", None)
        self.forecast("forecast again", reissue=True)
        self.arrive("3rd portion", known + 2 * PORTION_DAYS, known + season)
        self.forecast("forecasts")
        rate = HASTY_RATE * whole.learning_rate
        self.configure(msgspec.structs.replace(whole, iterations=HASTY_ITERATIONS, learning_rate=rate))
        self.retrain("hasty retraining", f"a trial at {HASTY_RATE:g} times the learning rate")
        if len(Registry(self.out / "registry").reign().champions) > 1:
            self.roll_back(first, better)
            self.promote_again(better)
        champion = Registry(self.out / "registry").serving()
        return Looped(
            # A copy with a manifest of its own, whatever becomes of the registry.
            model_directory.with_files(champion.model, self.out / "model", {}),
            self.summary(),
        )

    def configure(self, training: TrainingConfig, *, warm_start: bool = True) -> None:
        """Write the operation's files, as an operator edits them."""
        train = msgspec.structs.replace(self.config, training=training)
        (self.out / "train.yaml").write_text(configuration.dump(train), encoding="utf-8")
        basins = self.region.sizes["basin"]
        retrain = RetrainConfig(
            test_days=self.config.data.test.days,
            # The second portion brings a reason to train: by then some basins' days are missing, not half of them.
            new_basin_days=basins * PORTION_DAYS * 3 // 2,
            warm_start=warm_start,
        )
        operation = OperationConfig(training="train.yaml", retrain=retrain)
        (self.out / "operation.yaml").write_text(configuration.dump(operation), encoding="utf-8")

    @property
    def path(self) -> str:
        return str(self.out / "operation.yaml")

    @property
    def site(self) -> operations.Operation:
        return operations.load(self.out / "operation.yaml")

    def begin(self, what: str) -> None:
        self.begun[0] = what
        self.tell(what, "")

    def arrive(self, what: str, first: int, last: int) -> None:
        """Days first … last − 1 of the region are dropped as a file, and ingested."""
        self.begin(what)
        store = Store(self.out / "store")
        before = len(store.receipts()), len(store.quarantined())
        portion = self.region.isel(time=slice(first, last)).load()
        if what == FAULTY:
            name, value = FAULT
            wrong = portion.copy(deep=True)
            wrong[name][self.wrong] = value
            self.right, portion = portion.isel({k: [v] for k, v in self.wrong.items()}), wrong
        elif self.right is not None:
            self.drop(self.right, "corrected")
            self.right = None
        span = self.drop(portion, "portion")
        self.flows.ingest(self.path, today=span.end + DAY)
        taken, aside = store.receipts()[before[0] :], store.quarantined()[before[1] :]
        told = "; ".join(
            f"set aside: {c.variable} {c.value:g} of {c.basin} on {c.day:%Y-%m-%d} ({c.reason})"
            for c in aside.itertuples()
        )
        late = "the value set aside came right; " if len(taken) > 1 else ""
        values = sum(receipt.added for receipt in taken)
        self.steps.append(Step(what, f"{span}: {values:,} values; {late}{told or 'none faulty'}"))

    def drop(self, region: xr.Dataset, name: str) -> Period:
        incoming = self.out / "incoming"
        incoming.mkdir(exist_ok=True)
        first, last = (region["time"].values[k].astype("datetime64[D]").item() for k in (0, -1))
        region.to_netcdf(incoming / f"{first}-{name}.nc")
        return Period(start=first, end=last)

    @property
    def wrong(self) -> dict[str, int]:
        """The place of the fault in its portion."""
        return {"basin": self.region.sizes["basin"] // 2, "time": PORTION_DAYS // 3}

    def forecast(self, what: str, *, reissue: bool = False) -> None:
        """Every missing cycle; with `reissue` the newest again."""
        self.begin(what)
        made = [Path(p) for p in self.flows.forecast(self.path, reissue=reissue)]
        self.steps.append(Step(what, self.told(made)))

    def told(self, made: list[Path]) -> str:
        """Of cycles just made: the days, the weights and from where the first of them starts."""
        records = {c.path: c.record for c in cycle.done(self.site)}
        if not made:
            return "no other weights serve: nothing to issue again"
        first, last = records[made[0]], records[made[-1]]
        many = f"{len(made)} cycles {made[0].name}..{made[-1].name}" if len(made) > 1 else made[0].name
        flagged = {flag for p in made for flag in records[p]["flags"]} - {"NO_WEATHER_FORECAST"}
        flags = f"; flagged {', '.join(sorted(flagged))}" if flagged else ""
        notes = "".join(f"; {note}" for note in first["notes"])
        return f"{many} by {short(last['version'])}, from {first['start']}{flags}{notes}"

    def retrain(self, what: str, why: str | None) -> str:
        """Train a challenger, which the gate promotes or rejects; gives the id of the version."""
        self.begin(what)
        id: str = self.flows.retrain(self.path, why)
        version = Registry(self.out / "registry").version(id)
        card = _card(version)
        self.cards.append(card)
        reason = version.publication.why if version.publication else ""
        if Registry(self.out / "registry").champion() is None:
            raise DhbvError(
                f"no model of {FIRST_ITERATIONS} minibatches passes the gate on these data: {'; '.join(card['reasons'])}; "
                f"{card['path']} has the whole trial, `dhbv train` trains without a gate"
            )
        verdict = "promoted" if card["decision"] == "promote" else "rejected, the champion goes on serving"
        self.steps.append(Step(what, f"because {reason}: {short(id)} {verdict}: {card['finding']}"))
        return id

    def roll_back(self, first: str, better: str) -> None:
        """Back to the champion before, as in an alarm; the newest forecast is issued again."""
        self.begin("rollback")
        self.flows.rollback(self.path, "a drill: take the last promotion back")
        again = self.flows.forecast(self.path, reissue=True)
        found = f"{short(first)} serves instead of {short(better)}; {self.told([Path(p) for p in again])}"
        self.steps.append(Step("rollback", found))

    def promote_again(self, better: str) -> None:
        """The drill is over."""
        self.begin("promotion")
        self.flows.promote(self.path, better, "the drill is over: the better weights serve again")
        again = self.flows.forecast(self.path, reissue=True)
        self.steps.append(Step("promotion", self.told([Path(p) for p in again])))

    def summary(self) -> dict[str, Any]:
        registry, store = Registry(self.out / "registry"), Store(self.out / "store")
        aside = store.quarantined()
        champion = registry.champion()
        assert champion is not None
        return {
            "steps": [step._asdict() for step in self.steps],
            "champion": champion.id,
            "journal": [msgspec.to_builtins(e) for e in registry.journal()],
            "scorecards": self.cards,
            "forecasts": [
                {"path": str(c.path), "version": c.record["version"], "flags": list(c.record["flags"])}
                for c in cycle.done(self.site)
            ],
            "quarantined": json.loads(aside.to_json(orient="records", date_format="iso")),
            "operation": self.path,
        }


def enough(region: xr.Dataset) -> bool:
    """Whether the gate can promote anything: it wants so many basins held out and not."""
    return region.sizes["basin"] >= 2 * LEAST_HELD_OUT


def short(version: str) -> str:
    """A version as people tell it: the beginning of its weights' sha256."""
    return version.rpartition("-")[2][:7]


def _card(version: Version) -> dict[str, Any]:
    """The decision on a version, and what decided."""
    content = json.loads((version.path / retraining.SCORECARD[0]).read_bytes())
    skill = next(c for c in content["comparisons"] if c["score"] == "nse")
    finding = f"median NSE {skill['challenger']:.3f} on {content['period']}"
    if content["champion"] is not None:
        finding = (
            f"median NSE {skill['champion']:.3f} → {skill['challenger']:.3f} on {content['period']}, gain "
            f"{skill['gain']:+.3f} ({skill['lower']:+.3f} … {skill['upper']:+.3f})"
        )
    return {
        "version": version.id,
        "decision": content["decision"],
        "finding": finding,
        "reasons": content["reasons"],
        "path": str(version.path / retraining.SCORECARD[1]),
    }
