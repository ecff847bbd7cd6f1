"""Whatever is wrong with compiler or cache, it still runs, or says why not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dhbv.kernels import build, cpp
from dhbv.kernels.forms import FORMS

FORM = FORMS["hbv"]

pytestmark = pytest.mark.skipif(build.find_compiler() is None, reason="needs a C++ compiler")

TINY = 'extern "C" void run_forward(const void*) {} extern "C" void run_reverse(const void*) {}\n'
"""Builds in a moment: what is tested here is the building, not the kernel."""


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A kernel that builds at once, and a cache folder of its own."""
    monkeypatch.setattr(cpp, "source", lambda form: TINY)
    monkeypatch.setenv("DHBV_CACHE", str(tmp_path / "cache"))
    build._load.cache_clear()
    yield tmp_path / "cache"
    build._load.cache_clear()


def _load() -> Path:
    kernel, reason = build.load(FORM, np.float32)
    assert kernel is not None, reason
    assert reason == str(kernel.path)
    return kernel.path


def _count_builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    builds: list[Path] = []
    compile_one = build._compile

    def counted(compiler: tuple[str, ...], flags: tuple[str, ...], source: Path, library: Path) -> None:
        builds.append(source)
        compile_one(compiler, flags, source, library)

    monkeypatch.setattr(build, "_compile", counted)
    return builds


def test_a_library_is_built_once(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builds = _count_builds(monkeypatch)
    first = _load()
    build._load.cache_clear()
    assert _load() == first
    assert len(builds) == 1
    assert list(tiny.iterdir()) == [first]


@pytest.mark.parametrize("damage", [b"", b"not a library", None], ids=["empty", "other", "cut short"])
def test_a_broken_library_is_built_anew(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes | None
) -> None:
    tiny.mkdir()
    builds = _count_builds(monkeypatch)
    compiler = build.find_compiler()
    assert compiler is not None
    path = build._build(compiler, TINY, "float", tiny, FORM.name)  # not loaded: what is mapped may not be cut
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert _load().read_bytes() == whole
    assert len(builds) == 2
    assert len(list(tiny.iterdir())) == 1


def test_another_source_is_another_library(monkeypatch: pytest.MonkeyPatch) -> None:
    first = _load()
    build._load.cache_clear()
    monkeypatch.setattr(cpp, "source", lambda form: TINY + "// changed\n")
    assert _load() != first


def test_another_processor_is_another_library(monkeypatch: pytest.MonkeyPatch) -> None:
    first = _load()
    build._load.cache_clear()
    monkeypatch.setattr(build, "_processor", lambda: "another")
    assert _load() != first


def test_a_cache_that_cannot_be_written_is_gone_around(tiny: Path) -> None:
    """Root may write anywhere, so the folder is a file here."""
    tiny.write_text("in the way")
    path = _load()
    assert tiny not in path.parents
    assert path.exists()


def test_without_a_compiler_there_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert build.load(FORM, np.float32) == (None, "no C++ compiler was found: $CXX, g++, clang++")


def test_without_a_home_nothing_is_left_in_the_current_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("DHBV_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "expanduser", no_home)
    monkeypatch.chdir(tmp_path)
    assert _load().parent == build._own_folder()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("named", [".", "~"])
def test_a_cache_may_be_named_from_here_or_from_home(
    named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DHBV_CACHE", named)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert _load().parent == tmp_path
    assert [path.suffix for path in tmp_path.iterdir()] == [".so"]


def test_without_any_folder_there_is_a_reason(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise FileNotFoundError("No usable temporary directory found")

    tiny.write_text("in the way")
    monkeypatch.setattr(build, "_temporary", nowhere)
    kernel, reason = build.load(FORM, np.float32)
    assert kernel is None
    assert reason.endswith("; nor in a temporary folder: No usable temporary directory found")


def test_a_compiler_that_fails_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text(
        '#!/bin/sh\ncase "$1" in --version) echo 1.0;; *) echo "cannot today" >&2; exit 1;; esac\n'
    )
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    kernel, reason = build.load(FORM, np.float32)
    assert kernel is None
    assert reason.count(f"{broken} failed: cannot today") == 2


def test_a_compiler_that_speaks_no_text_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    garbled = tmp_path / "garbled"
    garbled.write_text("#!/bin/sh\nprintf '\\377'\n")
    garbled.chmod(0o755)
    monkeypatch.setenv("CXX", str(garbled))
    kernel, reason = build.load(FORM, np.float32)
    assert kernel is None
    assert reason.count("can't decode byte 0xff") == 2


def test_cxx_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "env -i true -x")
    assert build.find_compiler() == ("env", "-i", "true", "-x")
    for useless in ("no-such-compiler", 'g++ "-O2'):
        monkeypatch.setenv("CXX", useless)
        assert build.find_compiler() in (("g++",), ("clang++",))


def test_half_precision_has_no_kernel() -> None:
    assert build.load(FORM, np.float16) == (None, "there are kernels for float32 and float64, not float16")


def test_processes_that_build_at_once_do_not_collide(tiny: Path) -> None:
    code = (
        "from dhbv.kernels import build, cpp, forms\n"
        f"cpp.source = lambda form: {TINY!r}\n"
        "kernel, reason = build.load(forms.FORMS['hbv'], 'float32')\n"
        "assert kernel is not None, reason\n"
    )
    env = {**os.environ, "DHBV_CACHE": str(tiny)}
    started = [subprocess.Popen([sys.executable, "-c", code], env=env) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert [path.suffix for path in tiny.iterdir()] == [".so"] * len(list(tiny.iterdir()))
    assert _load().parent == tiny
