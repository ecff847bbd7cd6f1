"""What was trained, as a folder: weights, and a card that says what they are and holds their checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import torch
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from torch import nn

from dhbv import __version__
from dhbv.configuration import Config, Section
from dhbv.errors import DhbvError, ModelDirectoryError
from dhbv.files import folder_written_whole
from dhbv.model_directory import refuse_occupied
from dhbv.normalisation import Statistics
from dhbv.surrogate.learning import ParameterMap
from dhbv.surrogate.network import Scaling, Surrogate
from dhbv.surrogate.simulator import Description
from dhbv.surrogate.training import Effort, frozen

WEIGHTS, CARD = "weights.safetensors", "card.json"
Days = tuple[str, str]


class SurrogateCard(Section, frozen=True, tag="surrogate"):
    """A surrogate without its weights."""

    about: Description
    effort: Effort
    scaling: Scaling
    basins: tuple[str, ...]
    """Whose weather it was trained on."""
    days: Days
    """First and last."""
    runs: int
    runs_digest: str
    """sha256 of exactly the runs trained on."""
    seconds: float
    code_version: str = __version__
    weights_sha256: str = ""


class LearnedCard(Section, frozen=True, tag="learned parameters"):
    """A gA without its weights."""

    about: Description
    config: Config
    statistics: Statistics
    """Of the attributes; those of weather are not used."""
    surrogate_sha256: str
    """Of the weights of the surrogate it was learned through."""
    data_digest: str
    seconds: float
    code_version: str = __version__
    weights_sha256: str = ""


Card = TypeVar("Card", SurrogateCard, LearnedCard)


class Kept(NamedTuple):
    """A surrogate as it lies on disk, frozen."""

    card: SurrogateCard
    network: Surrogate


class KeptMap(NamedTuple):
    """A gA as it lies on disk."""

    card: LearnedCard
    network: ParameterMap


def save(path: Path, card: Card, network: nn.Module, extra: Mapping[str, bytes]) -> Card:
    """Write a folder at `path`, which must be free, all at once; the card with the checksum of the weights.

    Raises:
        DhbvError: if something lies there already.
    """
    refuse_occupied(path)
    arrays = {name: w.detach().cpu().numpy() for name, w in network.state_dict().items()}
    weights = save_arrays(dict(sorted(arrays.items())))
    card = msgspec.structs.replace(card, weights_sha256=hashlib.sha256(weights).hexdigest())
    contents = {WEIGHTS: weights, CARD: msgspec.json.format(msgspec.json.encode(card), indent=1), **extra}
    with folder_written_whole(path) as draft:
        for name, content in contents.items():
            (draft / name).write_bytes(content)
    return card


def load_surrogate(path: Path) -> Kept:
    """The surrogate that `save` left at `path`, frozen.

    Raises:
        ModelDirectoryError: if it is not that, or damaged.
    """
    card, weights = _read(path, SurrogateCard)
    network = Surrogate(len(card.about.parameters), card.effort.shape, card.scaling)
    return Kept(card, frozen(_filled(network, weights, path)))


def load_map(path: Path) -> KeptMap:
    """The gA that `save` left at `path`; raises as `load_surrogate`."""
    card, weights = _read(path, LearnedCard)
    network = ParameterMap(card.config.model, len(card.about.parameters))
    return KeptMap(card, _filled(network, weights, path).eval())


def _read(path: Path, kind: type[Card]) -> tuple[Card, bytes]:
    what = kind.__struct_config__.tag
    try:
        card = msgspec.json.decode((path / CARD).read_bytes(), type=kind)
        weights = (path / WEIGHTS).read_bytes()
    except (OSError, msgspec.DecodeError) as error:
        raise ModelDirectoryError(f"{path} cannot be read as a folder of kind '{what}': {error}") from None
    if hashlib.sha256(weights).hexdigest() != card.weights_sha256:
        raise ModelDirectoryError(
            f"{path / WEIGHTS} is damaged: its sha256 is not the one in {CARD}; copy the folder anew"
        )
    return card, weights


Module = TypeVar("Module", bound=nn.Module)


def _filled(network: Module, weights: bytes, path: Path) -> Module:
    try:
        network.load_state_dict({name: torch.from_numpy(a) for name, a in load_arrays(weights).items()})
    except RuntimeError as error:
        raise ModelDirectoryError(
            f"{path}: {WEIGHTS} and {CARD} do not fit: {error}; copy the folder anew"
        ) from None
    return network


def refuse_other(kept: Kept | KeptMap, about: Description, path: Path, source: str) -> None:
    """Raise DhbvError unless what lies at `path` is of the simulator `about` of `source`."""
    if kept.card.about == about:
        return
    fields = [f for f in about.__struct_fields__ if getattr(about, f) != getattr(kept.card.about, f)]
    raise DhbvError(
        f"{path} is of {kept.card.about.name}, and {source} is another simulator (different {', '.join(fields)}): train "
        "a surrogate of it first"
    )
