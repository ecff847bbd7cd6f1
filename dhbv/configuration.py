"""What a person may configure, read strictly: an unknown key or impossible value is an error.

Configurations are YAML; each field's docstring below it says what it means.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
import yaml

from dhbv.attributes import HISTORY, PAPER_ATTRIBUTES
from dhbv.errors import ConfigurationError
from dhbv.physics.parameters import Variant, variant
from dhbv.physics.variables import OBSERVABLE

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same language; libyaml reads a catchment's file ten times faster, and NextGen has thousands."""


class _Loader(_LOADER):
    """Tells where a date is that no calendar has."""

    def construct_yaml_timestamp(self, node: Any) -> Any:
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError as error:
            raise yaml.MarkedYAMLError(
                problem=f"{node.value} is no date ({error})", problem_mark=node.start_mark
            ) from None


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)

FADED = 30
"""Days after which one day's rain shall no longer move a parameter, see `TrainingConfig.memory_weight`."""

T = TypeVar("T")

Positive = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]
Weight = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Rate = Annotated[float, msgspec.Meta(gt=0.0)]


def in_unit(unit: str) -> msgspec.Meta:
    """Annotates a number whose unit a message shall tell."""
    return msgspec.Meta(extra={"unit": unit})


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a configuration."""


class NetworkConfig(Section, frozen=True):
    """gA, the network from attributes and weather to parameters."""

    kind: Literal["lstm_mlp", "lstm", "mlp"] = "lstm_mlp"
    """`lstm_mlp`: static parameters from attributes alone, an LSTM for the dynamic ones (operational
    default). `lstm`: one LSTM for all, as in the papers. `mlp`: attributes alone, nothing dynamic."""
    hidden: Positive = 64
    """Width of the LSTM (papers: 256)."""
    layers: tuple[Positive, ...] = (256, 256)
    """Widths of the hidden layers of the MLP; not used by `lstm`."""
    embedding: Positive = 16
    """How many numbers learned from the attributes the LSTM of `lstm_mlp` sees."""
    dropout: Fraction = 0.3
    """`lstm`: on its recurrent and input weights, one mask a sequence (papers: 0.5); else on MLP layers."""


class ModelConfig(Section, frozen=True):
    """The model: which physics, how many components, which network, which attributes."""

    variant: str = "delta_bt_gt"
    """hbv, delta, delta_bt, delta_gt, delta_bt_gt or delta_bt_gt_kt, each optionally followed by `+capillary`
    or `+nn_peff`."""
    components: Positive = 16
    """Parallel HBV components per basin (M)."""
    attributes: tuple[str, ...] = PAPER_ATTRIBUTES
    """Static attributes that gA sees, by name; with those of `dhbv data history` (`history_q_mean` …) it is gz, which
    learns from past flow too and serves gauged basins alone."""
    network: NetworkConfig = NetworkConfig()

    def __post_init__(self) -> None:
        form = self.form
        if self.network.kind == "mlp" and form.dynamic:
            raise ValueError(
                f"network kind 'mlp' sees no weather, so variant {self.variant!r} with dynamic "
                f"{', '.join(form.dynamic)} needs kind 'lstm_mlp' or 'lstm' (or use variant 'delta')"
            )
        if self.network.kind == "lstm_mlp" and not form.dynamic:
            raise ValueError(
                f"variant {self.variant!r} has no dynamic parameter for the LSTM of 'lstm_mlp': use kind 'mlp'"
            )
        if not self.attributes or len(set(self.attributes)) < len(self.attributes):
            raise ValueError("attributes must be a list of at least one name, each once")

    @property
    def form(self) -> Variant:
        return variant(self.variant)


class Period(Section, frozen=True):
    """A span of days, both ends included."""

    start: dt.date
    end: dt.date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"the period ends ({self.end}) before it starts ({self.start})")

    def __str__(self) -> str:
        return f"{self.start}..{self.end}"

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def after_spin_up(self, days: int) -> Period:
        """With so many days before it, as far as the calendar goes back."""
        return Period(start=dt.date.fromordinal(max(1, self.start.toordinal() - days)), end=self.end)


class DataConfig(Section, frozen=True):
    """Which basins and days are trained on and which are kept for testing."""

    train: Period
    test: Period
    basins: tuple[str, ...] | None = None
    """Basins to train on, as a list or a text file of ids (see `read_ids`), relative to the configuration; none
    means all in the data that are not held out."""
    held_out: tuple[str, ...] = ()
    """Basins never trained on, kept to test prediction in ungauged basins; a list or a file too."""
    validation: Period | None = None
    """Days of the training basins for early stopping, which looks at flow alone; may not touch `train` or `test`."""
    spin_up_days: Natural = 1095
    """Days run before a tested period to fill the stores, as far as the data reach back."""

    def __post_init__(self) -> None:
        named = [("train", self.train), ("test", self.test)]
        if self.validation is not None:
            named.append(("validation", self.validation))
        for i, (a, first) in enumerate(named):
            for b, second in named[i + 1 :]:
                if first.start <= second.end and second.start <= first.end:
                    raise ValueError(f"the {a} period {first} overlaps the {b} period {second}")
        if self.basins is not None and not self.basins:
            raise ValueError(
                "basins is an empty list: name some, or leave it out for all that are not held out"
            )
        for name, ids in (("basins", self.basins or ()), ("held_out", self.held_out)):
            repeated = [b for b, times in Counter(ids).items() if times > 1]
            if repeated:
                raise ValueError(
                    f"{name}: {', '.join(repeated[:5])} is there more than once: name each basin once"
                )
        both = set(self.basins or ()) & set(self.held_out)
        if both:
            raise ValueError(f"basins both trained on and held out: {', '.join(sorted(both))}")

    @property
    def reach(self) -> Period:
        """From the first to the last day that training and testing look at, days of spin-up included."""
        tested = [p.after_spin_up(self.spin_up_days) for p in (self.test, self.validation) if p is not None]
        spans = (self.train, *tested)
        return Period(start=min(p.start for p in spans), end=max(p.end for p in spans))


class TrainingConfig(Section, frozen=True):
    """How gA is trained."""

    iterations: Positive = 1000
    """Minibatches in all."""
    batch_basins: Positive = 100
    """Basins a minibatch, at most as many as there are."""
    warmup_days: Natural = 365
    """Days before each window that fill the stores and the LSTM's memory, without gradient. Short ones
    (papers: 365) start dry soils too dry and bias field capacity low."""
    window_days: Positive = 365
    """Days of each window that the loss sees."""
    loss: Literal["rmse", "nse"] = "nse"
    """`rmse`: over all basin-days (Feng et al. 2022). `nse`: each basin's squared error over its variance."""
    low_flow_weight: Weight = 0.25
    """Share α of the same loss on log10(√Q + 0.1)."""
    targets: dict[str, NonNegative] = {}
    """Weights of the same loss on other observed fluxes and stores, by name in the variable table, beside 1 for flow:
    {swe: 0.2, et: 0.1}. The data hold them as `observed_swe` and so on, NaN where not seen."""
    firn_weight: NonNegative = 0.0
    """Weight of the snow that a window of a year or more never lets go, per 100 mm. Packs that grow from year to
    year fit the flow as well as others, and then keep the water for ever."""
    memory_weight: NonNegative = 0.0
    """Weight of what the network remembers for too long, in shares of the dynamic parameters' ranges: how far a day's
    rain moves them more than a month later, and how restless they are under constant weather. 5 keeps counterfactual
    runs plausible at little cost in skill, see docs/plausibility.md."""
    optimiser: Literal["adamw", "adadelta"] = "adamw"
    learning_rate: Rate = 2e-3
    """Peak of a one-cycle schedule for adamw; constant for adadelta (papers: 1.0)."""
    weight_decay: NonNegative = 1e-2
    """adamw only."""
    gradient_clip: Rate = 1.0
    """Largest norm of the gradient."""
    attribute_noise: NonNegative = 0.05
    """Standard deviation of noise on the normalised attributes while training."""
    validate_every: Positive = 100
    """Minibatches between validations (where data.validation is given) and checkpoints."""
    lstm_products: Literal["float32", "bfloat16"] = "float32"
    """Precision in which the compiled LSTM multiplies its inputs and gathers its weights' gradients; the
    recurrence stays in float32. `bfloat16` is for processors with instructions for it (AMX, AVX512-BF16): without
    them torch imitates it and a step takes several times as long. Gradients differ by some 4e-3 of the largest.
    No effect on a GPU or without a compiler."""
    patience: Positive = 10
    """Validations without improvement before training stops early."""
    seed: Natural = 0

    def __post_init__(self) -> None:
        unknown = [name for name in self.targets if name not in OBSERVABLE]
        if unknown:
            raise ValueError(f"targets: no flux or store {unknown[0]!r}: there are {', '.join(OBSERVABLE)}")
        if self.firn_weight and self.window_days < 365:
            raise ValueError(
                f"firn_weight needs window_days of a year, in which snow has a summer to melt in, not {self.window_days}"
            )
        if self.memory_weight and self.window_days < 4 * FADED:
            raise ValueError(
                f"memory_weight needs window_days of {4 * FADED} or more, to see what is left of a rain after {FADED} "
                f"days, not {self.window_days}"
            )


class Config(Section, frozen=True):
    """A training configuration, and what a model directory remembers of its making."""

    data: DataConfig
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()

    def __post_init__(self) -> None:
        if self.training.memory_weight and not self.model.form.dynamic:
            raise ValueError(
                f"training.memory_weight is of dynamic parameters, and variant {self.model.variant!r} has none: leave it out"
            )
        past = [name for name in self.model.attributes if name.startswith(HISTORY)]
        if past and self.data.held_out:
            raise ValueError(
                f"basins held out ({self.data.held_out[0]} …) stand for ungauged ones, but model.attributes has {past[0]}, "
                "which only a gauge's record can tell: hold out none, or leave the history_ attributes out"
            )


def load(path: Path, kind: type[T]) -> T:
    """The configuration of type `kind` in the YAML file `path`.

    Raises:
        ConfigurationError: no such file, no YAML, an unknown key, one given twice, a wrong type or an
            impossible value; the message names file, key, value and what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"cannot read the configuration {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    try:
        content = _content(text, path)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not valid YAML: {error}") from error
    data = content.get("data") if kind is Config and isinstance(content, dict) else None
    if isinstance(data, dict):
        for key in ("basins", "held_out"):
            if isinstance(data.get(key), str):
                data[key] = read_ids(path.parent / data[key], f"{path}: data.{key}")
    return parse(content, kind, source=str(path))


def _content(text: str, path: Path) -> Any:
    """What `text` of the file `path` says, in plain dicts, lists, text and numbers."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        _refuse_repeated(node, path, set())
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _refuse_repeated(node: Any, path: Path, seen: set[int]) -> None:
    """Of a key that is there twice YAML would take the second in silence."""
    if id(node) in seen or not isinstance(node, yaml.CollectionNode):
        return
    seen.add(id(node))
    line: dict[str, int] = {}
    for item in node.value:
        key, value = item if isinstance(node, yaml.MappingNode) else (None, item)
        _refuse_repeated(value, path, seen)
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            continue
        number = key.start_mark.line + 1
        if key.value in line:
            raise ConfigurationError(
                f"{path}, line {number}: {key.value} is there already, in line {line[key.value]}: leave one out"
            )
        line[key.value] = number


def read_ids(path: Path, source: str) -> list[str]:
    """The ids in a text file: one a line, `#` begins a comment.

    Raises:
        ConfigurationError: the file cannot be read, has no id, or one twice or two in a line; begins with `source`.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{source}: cannot read the list of ids {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    number: dict[str, int] = {}
    for n, line in enumerate(lines, 1):
        words = line.partition("#")[0].replace(",", " ").split()
        if len(words) > 1:
            raise ConfigurationError(
                f"{source}: {path}, line {n}: {line.strip()!r} is more than one id: one a line"
            )
        for word in words:
            if word in number:
                raise ConfigurationError(
                    f"{source}: {path}, line {n}: {word} is there already, in line {number[word]}: leave it out"
                )
            number[word] = n
    if not number:
        raise ConfigurationError(f"{source}: {path} has no id: give one a line")
    return list(number)


def parse(content: Any, kind: type[T], *, source: str) -> T:
    """`content` (plain dicts, lists, text, numbers) as the configuration `kind`; see `load`."""
    try:
        return msgspec.convert({} if content is None else content, kind)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        doubt = _doubt(kind, content)
        keys = re.findall(r"[\w-]+", where)
        for key in keys:
            content = content[int(key)] if isinstance(content, list) else content.get(key)
        given = "" if isinstance(content, dict) else f" (given: {content!r})"
        where = ".".join(keys) or "top level"
        remedy = _remedy(kind, keys)
        # Of an id as 01013500 YAML makes an octal number, which nobody recognises.
        if message.startswith("Expected `str`") and isinstance(content, int | float | dt.date):
            remedy = ": put it in quotes, without which YAML does not take it for text"
        raise ConfigurationError(f"{source}: {where}: {message}{given}{remedy}{doubt}") from None


def _doubt(kind: Any, content: Any) -> str:
    """That `content` may be meant for something else, where most of its keys are none of `kind`."""
    if not (isinstance(kind, type) and issubclass(kind, Section) and isinstance(content, dict)):
        return ""
    wanted = [field.encode_name for field in msgspec.structs.fields(kind)]
    foreign = [str(key) for key in content if key not in wanted]
    if len(foreign) < 2 or 2 * len(foreign) <= len(content):
        return ""
    return (
        f"; is it another kind of configuration? {', '.join(foreign[:5])} are not among the keys that are wanted, "
        f"{', '.join(wanted)}"
    )


def _remedy(kind: Any, keys: Sequence[str]) -> str:
    """What to give at `keys`, where that is one of a few values or a number `in_unit`."""
    for key in keys:
        if not (isinstance(kind, type) and issubclass(kind, Section)):
            return ""
        kind = next(field.type for field in msgspec.structs.fields(kind) if field.name == key)
    wanted = []
    if get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        units = [m.extra["unit"] for m in more if isinstance(m, msgspec.Meta) and m.extra]
        wanted = [f"a plain number of {unit}" for unit in units]
    if get_origin(kind) is Literal:
        wanted.insert(0, f"one of {', '.join(map(str, get_args(kind)))}")
    return f": give {', '.join(wanted)}" if wanted else ""


def dump(config: Section) -> str:
    """`config` as YAML that `load` reads back equal."""
    return yaml.safe_dump(msgspec.to_builtins(config), sort_keys=False, allow_unicode=True)
