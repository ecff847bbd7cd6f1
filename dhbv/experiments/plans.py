"""Which trainings an experiment consists of: for each a configuration that names its basins.

Nothing here sees weather or flow. Basins are sorted before they are drawn, so that a plan hangs on ids,
choices and seed alone and not on the order of a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from dhbv.configuration import Config
from dhbv.data.schema import some
from dhbv.errors import ConfigurationError
from dhbv.experiments.regions import REGIONS, basins_by_region

Kind = Literal["temporal", "pub", "pur", "scaling", "ensemble"]

FRACTIONS = (0.125, 0.25, 0.5, 1.0)
"""Shares of the training basins; Tsai et al. (2021) match the best earlier scheme with the first."""


class Training(NamedTuple):
    """One training of an experiment."""

    label: str
    """Names its model directory."""
    config: Config
    """With every basin named, trained on or held out."""
    source: int = 0
    """Which of the experiment's data sets."""


class Plan(NamedTuple):
    """An experiment before it is run."""

    kind: Kind
    trainings: tuple[Training, ...]
    choices: dict[str, Any]
    """What was chosen beside the configuration: folds, regions, fractions, seeds."""
    held_out_only: bool = False
    """Whether only basins that a training held out count."""


def temporal(config: Config, present: Sequence[str]) -> Plan:
    """One training, tested on other years; `present` are the basins of the data, here and below."""
    train, held_out = _basins(config, present)
    return Plan("temporal", (Training("model", _split(config, train, held_out)),), {})


def pub(config: Config, present: Sequence[str], *, folds: int = 10, seed: int = 0) -> Plan:
    """Ungauged basins: random folds, each held out of one training. Basins the configuration holds out join in.

    Raises:
        ConfigurationError: fewer than 2 folds, or more than there are basins.
    """
    everything = sorted({*(found := _basins(config, present))[0], *found[1]})
    if not 2 <= folds <= len(everything):
        raise ConfigurationError(
            f"{folds} folds of {len(everything)} basins: choose 2 to {len(everything)} (--folds)"
        )
    parts = np.array_split(np.random.default_rng(seed).permutation(everything), folds)
    trainings = tuple(
        Training(f"fold_{k}", _split(config, set(everything) - set(part.tolist()), part.tolist()))
        for k, part in enumerate(parts)
    )
    return Plan("pub", trainings, {"folds": folds, "seed": seed}, held_out_only=True)


def pur(config: Config, present: Sequence[str], units: Mapping[str, object]) -> Plan:
    """Ungauged regions: each of `REGIONS` that has basins is held out of one training.

    Args:
        units: `huc_02` of each basin.

    Raises:
        ConfigurationError: all basins lie in one region; DhbvError: one lies in none.
    """
    everything = {*(found := _basins(config, present))[0], *found[1]}
    parts = basins_by_region({basin: units[basin] for basin in everything})
    if len(parts) < 2:
        raise ConfigurationError(
            f"all {len(everything)} basins lie in one region ({', '.join(parts)}): regions can only be held out of several; "
            "choose other basins in data.basins"
        )
    trainings = tuple(
        Training(name, _split(config, everything - set(part), part)) for name, part in parts.items()
    )
    return Plan("pur", trainings, {"regions": {name: REGIONS[name] for name in parts}}, held_out_only=True)


def scaling(
    config: Config,
    present: Sequence[str],
    *,
    fractions: Iterable[float] = FRACTIONS,
    held_out: float = 0.2,
    seed: int = 0,
) -> Plan:
    """Nested random shares of the training basins, all tested on one set of held-out ones.

    Every training has the iterations of the configuration: the same effort, shared by more basins.

    Args:
        fractions: of the basins that are not held out, above 0 and at most 1.
        held_out: share of all basins that no training sees; not used where the configuration holds out some.
        seed: of the draws.

    Raises:
        ConfigurationError: a share is impossible, or two fractions give as many basins.
    """
    train, fixed = _basins(config, present)
    shares = sorted(fractions)
    if not shares or not all(0.0 < share <= 1.0 for share in shares):
        raise ConfigurationError(f"fractions {shares}: each must be above 0 and at most 1 (--fractions)")
    drawn = np.random.default_rng(seed).permutation(sorted(train)).tolist()
    if not fixed:
        count = round(held_out * len(drawn))
        if not 0 < count < len(drawn):
            raise ConfigurationError(
                f"{held_out:g} of {len(drawn)} basins are {count} held out: at least one must be, and one trained on "
                "(--held-out)"
            )
        fixed, drawn = drawn[:count], drawn[count:]
    counts = [max(1, round(share * len(drawn))) for share in shares]
    if len(set(counts)) < len(counts):
        raise ConfigurationError(
            f"fractions {shares} of {len(drawn)} basins are {counts} basins: choose fractions that differ (--fractions)"
        )
    trainings = tuple(Training(f"{n}_basins", _split(config, drawn[:n], fixed)) for n in counts)
    return Plan("scaling", trainings, {"fractions": shares, "held_out": len(fixed), "seed": seed})


def ensemble(
    config: Config,
    present: Sequence[str],
    *,
    seeds: Sequence[int] = (0, 1, 2),
    sources: Sequence[str] = ("",),
) -> Plan:
    """The same training from several seeds, from several data sets, or both; the mean is scored too.

    Args:
        seeds: of the members, in place of the configuration's.
        sources: names of the data sets.

    Raises:
        ConfigurationError: fewer than two members, or two alike.
    """
    if len(set(seeds)) < len(seeds) or len(set(sources)) < len(sources) or len(seeds) * len(sources) < 2:
        raise ConfigurationError(
            f"an ensemble needs two members that differ, got seeds {list(seeds)} and data {list(sources)} (--seeds, --data)"
        )
    split = _split(config, *_basins(config, present))
    trainings = tuple(
        Training(
            f"{source}_seed_{seed}" if len(sources) > 1 else f"seed_{seed}",
            msgspec.structs.replace(split, training=msgspec.structs.replace(split.training, seed=seed)),
            k,
        )
        for k, source in enumerate(sources)
        for seed in seeds
    )
    return Plan("ensemble", trainings, {"seeds": list(seeds)})


def chosen(plan: Plan, only: Sequence[str] | None) -> tuple[Training, ...]:
    """The trainings of `plan` called `only`, in its order; all for None.

    Raises:
        ConfigurationError: there is none of that name.
    """
    known = [t.label for t in plan.trainings]
    unknown = [label for label in only or () if label not in known]
    if unknown:
        raise ConfigurationError(
            f"no training {', '.join(unknown)} in this experiment; it has {', '.join(known)}"
        )
    return tuple(t for t in plan.trainings if only is None or t.label in only)


def _basins(config: Config, present: Sequence[str]) -> tuple[list[str], list[str]]:
    """Basins trained on and held out."""
    held_out = list(config.data.held_out)
    train = list(config.data.basins or (b for b in present if b not in held_out))
    absent = [b for b in (*train, *held_out) if b not in set(present)]
    if absent:
        raise ConfigurationError(
            f"the data lack {len(absent)} basins of the configuration: {some(absent)}; correct data.basins and "
            "data.held_out, or give data that hold them"
        )
    return train, held_out


def _split(config: Config, train: Iterable[str], held_out: Iterable[str]) -> Config:
    data = msgspec.structs.replace(config.data, basins=tuple(sorted(train)), held_out=tuple(sorted(held_out)))
    try:
        return msgspec.structs.replace(config, data=data)
    except ValueError as error:
        raise ConfigurationError(f"this experiment holds basins out: {error}") from None
