"""What a run over a domain leaves: files chunk by chunk, and a record of each that is finished.

    run.json               what the run is made of; another run does not mix with it
    fluxes/00000.parquet   every flux and store, a row for each catchment and day; or 00000.nc
    states/00000.state     the state after the last day
    done/00000.json        the sha256 of both: written last, so a chunk without it was never finished

No file is shared between chunks, so shards may write to one folder, or to several that are copied together.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from bisect import bisect_left, bisect_right
from functools import cached_property
from pathlib import Path

import msgspec

from dhbv.configuration import Period
from dhbv.errors import DhbvError, StateError
from dhbv.files import sha256_of, written_whole
from dhbv.scale.chunks import Chunk, divide
from dhbv.scale.output import Told, format_of
from dhbv.state import State, joined

_log = logging.getLogger(__name__)

FORMAT = 2
"""2 added the format of the fluxes and the VPUs."""


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that decides what is in the files."""

    weights_sha256: str
    forcing_sha256: str
    attributes_sha256: str
    catchments: int
    catchments_sha256: str
    """Of their ids in the order of the forcing."""
    first: dt.date
    last: dt.date
    """Days that are told, both included."""
    start: str
    """How the stores came about: `cold start`, `spin-up of N days`, or `state of RUN`."""
    chunk: int
    """Catchments in a chunk, the last one (of each VPU) aside."""
    vpus: dict[str, int]
    """How many catchments each VPU has, in the order of the forcing; none where that is not known."""
    fluxes: str
    """The format of their files; see `dhbv.scale.output`."""
    code_version: str
    format: int = FORMAT

    @property
    def sha256(self) -> str:
        """A number for exactly this run."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


class _Form(msgspec.Struct, frozen=True):
    format: int


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finished chunk."""

    run: str
    """sha256 of the identity."""
    files: dict[str, str]
    """sha256 by name."""


class RunFolder:
    """The folder `path` of a run; see the head of the module."""

    def __init__(self, path: Path, identity: Identity) -> None:
        self.path, self.identity = path, identity
        self._format = format_of(identity.fluxes)

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """All of the run."""
        return divide(self.identity.catchments, self.identity.chunk, self.identity.vpus)

    @classmethod
    def begin(cls, path: Path, identity: Identity) -> RunFolder:
        """A new folder, or that of the same run to be gone on with.

        Raises:
            DhbvError: if it is that of another run; names in what it differs.
        """
        file = path / "run.json"
        if file.exists():
            have = cls.open(path).identity
            names = [n for n in identity.__struct_fields__ if getattr(have, n) != getattr(identity, n)]
            if names:
                told = "; ".join(f"{n} {getattr(have, n)} there, {getattr(identity, n)} here" for n in names)
                raise DhbvError(f"{path} holds another run ({told}): give another --out, or remove it")
        else:
            with written_whole(file) as draft:
                draft.write_bytes(msgspec.json.format(msgspec.json.encode(identity), indent=1) + b"\n")
        return cls(path, identity)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """A run that is there.

        Raises:
            DhbvError: if there is none.
        """
        file = path / "run.json"
        try:
            content = file.read_bytes()
            form = msgspec.json.decode(content, type=_Form).format
            if form != FORMAT:
                raise DhbvError(f"{file} has format {form}, this delta-hbv writes {FORMAT}: run it anew")
            return cls(path, msgspec.json.decode(content, type=Identity))
        except OSError as error:
            raise DhbvError(
                f"{file}: {error.strerror}: give the folder that a run over a domain wrote"
            ) from None
        except msgspec.DecodeError as error:
            raise DhbvError(f"{file}: not what a run over a domain writes ({error}): run it anew") from None

    def finished(self, chunk: Chunk) -> bool:
        """Whether a chunk's files are there and whole; what is damaged is named in the log."""
        fault = self.fault(chunk)
        if fault and self._record(chunk).exists():
            _log.warning("%s: done again", fault)
        return not fault

    def fault(self, chunk: Chunk) -> str:
        """What is wrong with a chunk's record or files; nothing where they are there and whole."""
        file = self._record(chunk)
        if not file.exists():
            return f"{chunk.described} is not finished"
        record = self._recorded(chunk)
        if record is None:
            return f"{file}: damaged, or of another run"
        for name, expected in record.files.items():
            file = self.path / name
            if not file.exists():
                return f"{file}: gone"
            if sha256_of(file) != expected:
                return f"{file}: damaged, its sha256 is not that of its record"
        return ""

    def put(self, chunk: Chunk, told: Told, state: State) -> None:
        """Write a chunk's files, and at last its record."""
        self._remove_drafts(chunk)
        files = {}
        with written_whole(self.fluxes(chunk)) as draft:
            self._format.write(told, self._provenance, draft)
            files[f"fluxes/{self.fluxes(chunk).name}"] = sha256_of(draft)
        with written_whole(self._state(chunk)) as draft:
            content = state.to_bytes()
            draft.write_bytes(content)
            files[f"states/{self._state(chunk).name}"] = hashlib.sha256(content).hexdigest()
        with written_whole(self._record(chunk)) as draft:
            draft.write_bytes(msgspec.json.encode(Record(self.identity.sha256, files)) + b"\n")

    @property
    def _provenance(self) -> dict[str, str]:
        """What a file by itself must tell."""
        identity = self.identity
        return {
            "source": f"delta-hbv {identity.code_version}",
            "weights_sha256": identity.weights_sha256,
            "forcing_sha256": identity.forcing_sha256,
            "code_version": identity.code_version,
            "start": identity.start,
            "precision": "float32",
            "run": identity.sha256,
            "comment": "each value is of the UTC day; stores are as at the day's end",
        }

    def state(self, chunk: Chunk, catchments: tuple[str, ...]) -> State:
        """The state after the run's last day of a chunk, of this run or of one that is cut otherwise.

        Raises:
            StateError: if one of the chunks it lies in is not finished, or damaged.
        """
        starts = [c.first for c in self.chunks]
        cut = self.chunks[bisect_right(starts, chunk.first) - 1 : bisect_left(starts, chunk.stop)]
        for one in cut:
            if self._recorded(one) is None:
                raise StateError(
                    f"{self.path}: chunk {one.name} is not finished: run that day's command again, it goes on there"
                )
        states = [State.read(self._state(one)) for one in cut]
        if len(states) == 1 and states[0].basins == catchments:
            return states[0]
        return joined(states, catchments)

    def goes_on(self, weights_sha256: str, catchments_sha256: str, period: Period) -> str:
        """How a run over `period` that starts from the states here is described.

        Raises:
            StateError: if it cannot: other weights, other catchments, another day.
        """
        have, next_day = self.identity, self.identity.last + dt.timedelta(days=1)
        if have.weights_sha256 != weights_sha256:
            raise StateError(
                f"{self.path} was made by weights {have.weights_sha256[:12]}…, this model has {weights_sha256[:12]}…: "
                "states do not fit other weights; use the model that made them, or start from a spin-up"
            )
        if have.catchments_sha256 != catchments_sha256:
            raise StateError(
                f"{self.path} holds states of other catchments ({have.catchments}), or in another order: give forcing "
                "of the same catchments in the same order"
            )
        if next_day != period.start:
            raise StateError(
                f"{self.path}: the states are valid at {next_day}, the period starts {period.start}: start the period "
                "at the states' day, or give the states of the day before"
            )
        return f"state of {have.sha256}"

    def _recorded(self, chunk: Chunk) -> Record | None:
        """The record of a chunk; None where there is none of this run."""
        try:
            record = msgspec.json.decode(self._record(chunk).read_bytes(), type=Record)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return record if record.run == self.identity.sha256 else None

    def _remove_drafts(self, chunk: Chunk) -> None:
        """What a killed run has left of a chunk."""
        for file in (self.fluxes(chunk), self._state(chunk), self._record(chunk)):
            for draft in file.parent.glob(f".{file.name}.*"):
                draft.unlink(missing_ok=True)

    def fluxes(self, chunk: Chunk) -> Path:
        """The file of a chunk's fluxes."""
        return self.path / "fluxes" / f"{chunk.name}{self._format.suffix}"

    def _state(self, chunk: Chunk) -> Path:
        return self.path / "states" / f"{chunk.name}.state"

    def _record(self, chunk: Chunk) -> Path:
        return self.path / "done" / f"{chunk.name}.json"
