"""Files appear whole or not at all; a lock keeps others out and dies with its holder."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dhbv.errors import DhbvError
from dhbv.files import (
    folder_written_whole,
    locked,
    refuse_overwriting,
    refuse_unwritable,
    sha256_of,
    written_whole,
)


def test_a_file_takes_its_place_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    for text in ("first", "second"):
        with written_whole(path) as draft:
            draft.write_text(text, encoding="utf-8")
            assert not path.exists() or path.read_text(encoding="utf-8") == "first"
        assert path.read_text(encoding="utf-8") == text
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_the_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "abc") == expected


def test_a_failing_block_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old", encoding="utf-8")

    def write() -> None:
        with written_whole(path) as draft:
            draft.write_text("new", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_file_and_folder_are_flushed_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rename that reaches the disk before the content would leave an empty file after a power cut."""
    path, steps = tmp_path / "file", []
    replace = Path.replace

    def fsync(descriptor: int) -> None:
        steps.append("flush " + Path(f"/proc/self/fd/{descriptor}").readlink().name.lstrip("."))

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", lambda self, target: steps.append("rename") or replace(self, target))
    with written_whole(path) as draft:
        draft.write_text("x", encoding="utf-8")
    first, *rest = steps
    assert first.startswith("flush file.")
    assert rest == ["rename", f"flush {tmp_path.name}"]


def test_writers_of_one_file_do_not_share_a_draft(tmp_path: Path) -> None:
    """Containers that share a folder have processes of the same number."""
    path = tmp_path / "file"
    with written_whole(path) as one, written_whole(path) as other:
        assert one != other
        for draft, text in ((one, "one"), (other, "other")):
            assert draft.name.startswith(".file."), "what cleans up after a kill looks for it"
            draft.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "one", "the last to end"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_link_stays_and_leads_to_the_new_file(tmp_path: Path) -> None:
    kept, link, nowhere = tmp_path / "elsewhere" / "file", tmp_path / "link", tmp_path / "to_nothing_yet"
    kept.parent.mkdir()
    kept.write_text("old", encoding="utf-8")
    link.symlink_to(kept)
    nowhere.symlink_to("deep/new")
    for path in (link, nowhere):
        with written_whole(path) as draft:
            draft.write_text("new", encoding="utf-8")
        assert path.is_symlink()
        assert path.read_text(encoding="utf-8") == "new"
    assert kept.read_text(encoding="utf-8") == "new"
    assert [p.name for p in kept.parent.iterdir()] == ["file"]


def test_devices_pipes_and_folders_are_not_replaced(tmp_path: Path) -> None:
    """Root can put a file in the place of /dev/null, and everybody's machine is broken."""
    pipe, folder, link = tmp_path / "pipe", tmp_path / "folder", tmp_path / "link"
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to(pipe)
    for path, what in ((pipe, "a device or a pipe"), (link, "a device or a pipe"), (folder, "a folder")):
        with (
            pytest.raises(DhbvError, match=f"is {what}, whose place no file may take"),
            written_whole(path),
        ):
            pytest.fail("nothing is made for it")
    assert pipe.is_fifo()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "link", "pipe"]


@contextlib.contextmanager
def folder_without_rights() -> Iterator[Path]:
    """An empty folder in which one may look but not write; root gives up its own rights for the block."""
    with tempfile.TemporaryDirectory() as name:
        root = os.geteuid() == 0
        Path(name).chmod(0o555)
        if root:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if root:
                os.seteuid(0)
            Path(name).chmod(0o755)


@pytest.mark.parametrize("name", ["run.nc", "new/run.nc"])
def test_a_place_without_rights_is_told_in_words(name: str) -> None:
    """And never by the name of the draft, which nobody gave."""
    with folder_without_rights() as folder:
        path = folder / name
        expected = f"{path} cannot be written: no permission in {folder}: choose another place"
        for attempt in (written_whole, folder_written_whole):
            with pytest.raises(DhbvError) as told, attempt(path) as draft:
                draft.write_text("x", encoding="utf-8")
            assert str(told.value).startswith(expected)
        with pytest.raises(DhbvError) as told:
            refuse_unwritable(path)
        assert str(told.value).startswith(expected)


def test_a_folder_on_the_way_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "deep" / "run.nc"
    message = f"{path} cannot be written: {tmp_path}/file is no folder"
    for attempt in (written_whole, folder_written_whole):
        with pytest.raises(DhbvError, match=re.escape(message)), attempt(path):
            pytest.fail("nothing is made for it")
    with pytest.raises(DhbvError, match=re.escape(message)):
        refuse_unwritable(path)


def test_what_fails_elsewhere_is_told_as_it_is(tmp_path: Path) -> None:
    """A file that the block reads is not the one that it writes."""
    with pytest.raises(FileNotFoundError, match="weather"), written_whole(tmp_path / "run.nc"):
        (tmp_path / "weather").read_bytes()
    with pytest.raises(OSError, match="disk full"), written_whole(tmp_path / "run.nc"):
        raise OSError(28, "disk full")


def test_asking_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old", encoding="utf-8")
    refuse_unwritable(tmp_path / "old")
    refuse_unwritable(tmp_path / "new" / "deep" / "file")
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_text(encoding="utf-8") == "old"
    with pytest.raises(DhbvError, match="is a folder, whose place no file may take"):
        refuse_unwritable(tmp_path)


def test_an_output_that_is_an_input_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data, other = tmp_path / "data.nc", tmp_path / "other.nc"
    for path in (data, other):
        path.write_text("weather", encoding="utf-8")
    (tmp_path / "link").symlink_to(data)
    (tmp_path / "twin").hardlink_to(data)
    (tmp_path / "deep").mkdir()
    for name in ("data.nc", "./deep/../data.nc", str(data), "link", "twin"):
        with pytest.raises(
            DhbvError, match=r"^--out \S+ is what is read, and would be lost: give --out another"
        ):
            refuse_overwriting({"--json": "-", "--save-state": None, "--out": name}, [None, other, data])
    refuse_overwriting({"--out": "new.nc"}, [data, None, tmp_path / "none.nc", ",".join(["01013500"] * 99)])
    refuse_overwriting({"--out": other}, [data])


def test_outputs_are_each_a_file_of_their_own(tmp_path: Path) -> None:
    outputs = {
        "--out": tmp_path / "run",
        "--json": "-",
        "--table": None,
        "--save-state": tmp_path / "a" / ".." / "run",
    }
    with pytest.raises(DhbvError, match=r"--save-state .*run: --out is written there too: give each a file"):
        refuse_overwriting(outputs, [])
    refuse_overwriting(outputs | {"--save-state": tmp_path / "run.state"}, [])


def test_what_lies_in_a_folder_that_is_read_is_kept(tmp_path: Path) -> None:
    archive = tmp_path / "fluxes"
    (archive / "deep").mkdir(parents=True)
    (archive / "deep" / "part.parquet").touch()
    with pytest.raises(
        DhbvError, match=r"--out \S+part.parquet is there already, in \S+fluxes, which is read"
    ):
        refuse_overwriting({"--out": archive / "deep" / "part.parquet"}, [archive])
    refuse_overwriting({"--out": archive / "new.csv"}, [archive])


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "on" / "the_way"
    with folder_written_whole(place) as draft:
        (draft / "a").write_text("1", encoding="utf-8")
        assert not place.exists()
    assert (place / "a").read_text(encoding="utf-8") == "1"
    with pytest.raises(OSError, match=r"[Nn]ot empty"), folder_written_whole(place) as draft:
        (draft / "b").touch()
    with pytest.raises(FileNotFoundError), folder_written_whole(tmp_path / "other") as draft:
        (draft / "no" / "folder").touch()
    assert [p.name for p in place.iterdir()] == ["a"]
    assert sorted(p.name for p in (*tmp_path.iterdir(), *place.parent.iterdir())) == ["on", "the_way"]


def test_a_folder_is_flushed_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []
    monkeypatch.setattr(
        "dhbv.files.flush", lambda path: flushed.append((path.name, (tmp_path / "new").exists()))
    )
    with folder_written_whole(tmp_path / "new") as draft:
        (draft / "a").touch()
    assert flushed == [("a", False), (draft.name, False), (tmp_path.name, True)]


def test_a_lock_keeps_writers_out_and_names_the_holder(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with locked(lock):
        for shared in (False, True):
            held = rf"{re.escape(str(lock))} has been held for 0 s .* process {os.getpid()}\)"
            with pytest.raises(DhbvError, match=held), locked(lock, shared=shared, patience=0.0):
                pass
    with (
        locked(lock, shared=True),
        locked(lock, shared=True, patience=0.0),
        pytest.raises(DhbvError, match="has been held"),
        locked(lock, patience=0.0),
    ):
        pass
    with locked(lock, patience=0.0):
        pass


def test_a_reader_needs_no_lock_file(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", shared=True):
        assert not list(tmp_path.iterdir())


def test_a_killed_holder_frees_its_lock(tmp_path: Path) -> None:
    lock, (begun, begin) = tmp_path / "lock", os.pipe()
    child = os.fork()
    if child == 0:
        with locked(lock):
            os.write(begin, b"x")
            signal.pause()
        os._exit(0)
    os.read(begun, 1)
    with pytest.raises(DhbvError, match=f"process {child}"), locked(lock, patience=0.0):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with locked(lock, patience=0.0):
        pass
