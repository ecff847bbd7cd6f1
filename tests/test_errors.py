from __future__ import annotations

import pytest

from dhbv.errors import gist


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("no such file", "no such file"),
        ("not 1.5 but 2.5. Consider this", "not 1.5 but 2.5"),
        ("no backend\nhttps://somewhere", "no backend"),
        ("", "OSError"),
    ],
)
def test_the_gist_of_an_error_is_its_first_sentence(message: str, expected: str) -> None:
    assert gist(OSError(message)) == expected
