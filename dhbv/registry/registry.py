"""The registry: publish, promote, roll back, verify, remove; see the package for what lies where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from dhbv import model_directory
from dhbv.errors import DhbvError
from dhbv.files import flush, locked, written_whole
from dhbv.model_directory import MANIFEST, ModelDirectory
from dhbv.registry import journal as journals
from dhbv.registry import publishing
from dhbv.registry import version as versioning
from dhbv.registry.journal import Entry, Reign
from dhbv.registry.verifying import Problem, problems
from dhbv.registry.version import Publication, Version

CHAMPION = "champion"
"""The pointer file, and the word that stands for the id in it."""


class Move(NamedTuple):
    """From which id to which; the same twice where there was nothing to do."""

    before: str | None
    after: str


class Serving(NamedTuple):
    """What forecasts run on."""

    version: Version
    model: ModelDirectory
    flag: str
    """Why this is not the champion; empty where it is."""


class Registry:
    """The registry in the folder `path`, which the first publication makes.

    Methods raise DhbvError where there is no registry, and OSError where the disk fails.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.versions_path = self.path / "versions"
        self.pointer_path = self.path / CHAMPION
        self.journal_path = self.path / "journal.jsonl"
        self.lock_path = self.path / "lock"

    def versions(self) -> list[Version]:
        """All versions, oldest first, damaged ones too."""
        self._exists()
        found = (p for p in self.versions_path.iterdir() if versioning.is_id(p.name) and p.is_dir())
        return [versioning.read(path) for path in sorted(found)]

    def version(self, which: str) -> Version:
        """The version of an id, or of `champion`.

        Raises:
            DhbvError: if there is none; the message lists the newest there are.
        """
        self._exists()
        if which == CHAMPION:
            version = self.champion()
            if version is None:
                raise DhbvError(f"{self.path} has no champion yet: {self._how_to_promote()}")
            return version
        if not versioning.is_id(which) or not (self.versions_path / which).is_dir():
            raise DhbvError(f"{self.path} has no version {which!r}: {self._newest()}")
        return versioning.read(self.versions_path / which)

    def champion(self) -> Version | None:
        """The version that serves; None before the first promotion.

        Raises:
            DhbvError: if the pointer names nothing, or is lost; promoting any version mends it.
        """
        self._exists()
        id = self._pointed_id()
        if id is not None:
            path = self.versions_path / id
            if path.is_dir():
                return versioning.read(path)
            fault = f"names {id}, which is not in the registry"
        elif self._last_named() is None:
            return None
        else:
            fault = "does not hold the id of a version" if self.pointer_path.exists() else "is gone"
        raise DhbvError(f"{self.pointer_path} {fault}: {self._how_to_promote()}")

    def load(self, which: str = CHAMPION) -> ModelDirectory:
        """The model of an id, or of `champion`, every file verified.

        Raises:
            ModelDirectoryError: if a file is missing, damaged or not the one that was published.
        """
        return self.version(which).load()

    def serving(self) -> Serving:
        """The champion; where it is damaged the last champion before it that is whole, with the reason.

        Raises:
            DhbvError: if there is no champion yet, or none of them is whole; names the reason of each.
        """
        self._exists()
        pointed = self._pointed_id()
        try:
            champion = self.version(CHAMPION)
            return Serving(champion, champion.load(), "")
        except DhbvError as error:
            if self._pointed_id() != pointed:  # promoted, and perhaps removed, while it was read
                return self.serving()
            reasons = [str(error)]
        champions = self.reign().champions
        # With the pointer lost, the journal's last champion is as good as any before it.
        candidates = champions if self._pointed_id() is None else champions[:-1]
        for id in dict.fromkeys(reversed(candidates)):
            try:
                version = self.version(id)
                model = version.load()
            except DhbvError as error:
                reasons.append(str(error))
            else:
                return Serving(version, model, f"{id} serves instead of the champion: {'; '.join(reasons)}")
        raise DhbvError(f"{self.path} has nothing whole to forecast with: {'; '.join(reasons)}")

    def journal(self) -> list[Entry]:
        """Every change, oldest first. A promotion or rollback in `reign().unfinished` did not happen."""
        self._exists()
        return list(journals.read(self.journal_path).entries)

    def reign(self) -> Reign:
        """Who has been champion up to now; a rollback goes to the last but one."""
        self._exists()
        champion = self._pointed_id() or self._last_named()
        return journals.reign(journals.read(self.journal_path).entries, champion)

    def verify(self) -> list[Problem]:
        """Everything broken, by file; empty where all is well."""
        self._exists()
        with locked(self.lock_path, shared=True):
            return list(problems(self))

    def publish(self, model_dir: Path | str, *, who: str, why: str = "") -> Version:
        """Take a copy of a model directory into the registry.

        The same weights twice are one version, returned again; the journal tells that they came. Where
        that version is damaged or gone, an exact copy mends it.

        Raises:
            ModelDirectoryError: if the model directory is damaged, or its weights do not fit it.
            DhbvError: if the registry holds these weights with another configuration or statistics.
        """
        model = model_directory.load(Path(model_dir))
        files = publishing.contents(model)
        if not self.versions_path.is_dir():
            self.versions_path.mkdir(parents=True, exist_ok=True)
            flush(self.path)
            flush(self.path.parent)
        with self._writing():
            record = self._record_of(model.weights_sha256)
            manifest_sha256 = versioning.digest(files[MANIFEST])
            if record is None:
                record = Publication(
                    id=versioning.new_id(model.weights_sha256), when=journals.now(), who=who, why=why,
                    source=str(model.path.resolve()), weights_sha256=model.weights_sha256,
                    manifest_sha256=manifest_sha256,
                    scores={label: summary["median"] for label, summary in model.scores.items()},
                )  # fmt: skip
                publishing.store(self.versions_path / record.id, files, record)
                journals.append(self.journal_path, [record.entry])
            elif not self._holds(record.id, model):
                if manifest_sha256 != record.manifest_sha256:
                    raise DhbvError(
                        f"version {record.id} of these weights is damaged or gone, and {model.path} is not an exact copy "
                        f"of what was published (its {MANIFEST} differs): publish the original to mend it"
                    )
                publishing.store(self.versions_path / record.id, files, record)
            else:
                again = Entry(
                    when=journals.now(), who=who, action="publish", why=why, before=str(model.path.resolve()),
                    after=record.id, scores=record.scores, manifest_sha256=manifest_sha256,
                )  # fmt: skip
                journals.append(self.journal_path, [again])
            return self.version(record.id)

    def promote(self, id: str, *, who: str, why: str) -> Move:
        """Make a version the champion, after verifying it; promoting the champion does nothing.

        Raises:
            DhbvError: if there is no such version, it is damaged, or no reason is given.
        """
        self._exists()
        with self._writing():
            version = self.version(id)
            if self._pointed_id() != version.id:
                return self._move("promote", version, who, why)
            version.load()
            return Move(version.id, version.id)

    def rollback(self, *, who: str, why: str) -> Move:
        """Make the champion before the present one champion again.

        Raises:
            DhbvError: if there was none, it is gone or damaged, or no reason is given.
        """
        self._exists()
        with self._writing():
            champions = self.reign().champions
            if len(champions) < 2:
                raise DhbvError(
                    f"{self.path} has no champion before {champions[0] if champions else 'the first'} to roll back "
                    f"to{self._damaged_journal()}: promote another version by its id; {self._newest()}"
                )
            try:
                return self._move("rollback", self.version(champions[-2]), who, why)
            except DhbvError as error:
                raise DhbvError(
                    f"cannot roll back to {champions[-2]}: {error}; or promote another version by its id"
                ) from error

    def gc(self, *, keep: int, who: str, why: str = "") -> list[str]:
        """Remove all versions but the newest `keep`, and what killed writers left; returns the ids removed.

        Never removed are the champion and the champions before it down to the first that is whole,
        to which a rollback, or service itself, would turn.

        Raises:
            DhbvError: if the pointer or the journal is damaged, so that these are not known for sure.
        """
        self._exists()
        with self._writing():
            self.champion()
            if fault := self._damaged_journal():
                raise DhbvError(
                    f"nothing was removed from {self.path}: what a rollback needs is not known{fault}; "
                    "restore the line from a copy, or delete it"
                )
            found = [v.id for v in self.versions()]
            kept = {*found[max(0, len(found) - keep) :], *self._needed()}
            removed = [id for id in found if id not in kept]
            reason = why or f"neither needed nor among the newest {keep}"
            lines = [
                Entry(when=journals.now(), who=who, action="gc", why=reason, before=id) for id in removed
            ]
            # The journal first: a version that it calls removed may linger, none goes without a word.
            journals.append(self.journal_path, lines)
            for id in removed:
                publishing.remove(self.versions_path / id)
            publishing.sweep(self.versions_path)
            for draft in self.path.glob(f".{CHAMPION}.*"):
                draft.unlink()
        return removed

    def relative(self, path: Path) -> str:
        """A path inside the registry as messages name it."""
        return path.relative_to(self.path).as_posix()

    def _exists(self) -> None:
        if not self.versions_path.is_dir():
            raise DhbvError(
                f"{self.path} is not a registry: it has no folder {self.versions_path.name}; "
                "`dhbv registry publish` makes one"
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The only writer. First the journal is made to name every version here.

        A kill may have kept a publication out of it, or entered a removal that did not happen.
        """
        with locked(self.lock_path):
            known = journals.publications(journals.read(self.journal_path).entries)
            records = (v.publication for v in self.versions() if v.id not in known)
            journals.append(self.journal_path, [r.entry for r in records if r is not None])
            yield

    def _record_of(self, weights_sha256: str) -> Publication | None:
        """The publication of these weights, as the journal has it; None if they are new."""
        for id, e in journals.publications(journals.read(self.journal_path).entries).items():
            if versioning.fits(id, weights_sha256):
                return Publication(
                    id=id, when=e.when, who=e.who, why=e.why, source=e.before or "", scores=e.scores,
                    weights_sha256=weights_sha256, manifest_sha256=e.manifest_sha256,
                )  # fmt: skip
        return None

    def _holds(self, id: str, model: ModelDirectory) -> bool:
        """Whether the version `id`, which has the weights of `model`, is here and whole."""
        try:
            here = self.load(id)
        except DhbvError:
            return False
        if (here.config.model, here.statistics) != (model.config.model, model.statistics):
            raise DhbvError(
                f"{model.path} has the weights of version {id}, but another model configuration or other statistics: "
                "states and outputs know a model by its weights, so one of the two is wrong; train again"
            )
        return True

    def _move(self, action: Literal["promote", "rollback"], version: Version, who: str, why: str) -> Move:
        """Point to a whole version: the journal first, then the pointer, which decides."""
        if not why.strip():
            raise DhbvError(f"a {action} needs a reason for the journal: say in a few words why")
        version.load()
        before = (self.reign().champions or (None,))[-1]
        entry = Entry(
            when=journals.now(), who=who, action=action, why=why, before=before, after=version.id,
            scores=version.publication.scores if version.publication else {},
        )  # fmt: skip
        journals.append(self.journal_path, [entry])
        with written_whole(self.pointer_path) as draft:
            draft.write_text(f"{version.id}\n", encoding="ascii")
        return Move(before, version.id)

    def _pointed_id(self) -> str | None:
        """The id in the pointer, whether or not there is such a version; None where it holds no id."""
        try:
            text = self.pointer_path.read_text(encoding="ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return text if versioning.is_id(text) else None

    def _last_named(self) -> str | None:
        """The champion for want of a pointer: the journal's last one.

        None if there has been no champion: a kill may have struck between journal and pointer of the first
        promotion, which then did not happen.
        """
        moves = [e for e in journals.read(self.journal_path).entries if e.moves]
        pointed = self.pointer_path.exists() or any(e.before for e in moves)
        return moves[-1].after if moves and pointed else None

    def _needed(self) -> set[str]:
        """The champion, and those before it down to the first that is whole."""
        champions = self.reign().champions
        needed = set(champions[-1:])
        for id in reversed(champions[:-1]):
            needed.add(id)
            try:
                self.load(id)
            except DhbvError:
                continue
            break
        return needed

    def _damaged_journal(self) -> str:
        damaged = journals.read(self.journal_path).damaged
        return f" ({self.journal_path} is damaged in line {damaged[0]})" if damaged else ""

    def _how_to_promote(self) -> str:
        last = next((e.after for e in reversed(self.journal()) if e.moves), None)
        hint = f" (the journal's last promotion was to {last})" if last else ""
        return f"promote a version by its id{hint}; {self._newest()}"

    def _newest(self, n: int = 5) -> str:
        ids = [v.id for v in self.versions()]
        if not ids:
            return "there are no versions yet, `dhbv registry publish` makes one"
        older = f" and {len(ids) - n} older" if len(ids) > n else ""
        return f"it holds {', '.join(reversed(ids[-n:]))}{older}"
