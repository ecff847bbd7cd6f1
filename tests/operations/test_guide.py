"""The guide tells every flag as it is."""

from __future__ import annotations

import re
from pathlib import Path

import xarray as xr

from dhbv.data.schema import assemble
from dhbv.operations.cycle import Degraded
from dhbv.store import Store

GUIDE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_every_flag_is_in_the_guide() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: int(bit) for name, bit in rows} == {str(f.name): int(f) for f in Degraded}


def test_the_lines_that_release_a_record_do_so(tmp_path: Path) -> None:
    (lines,) = re.findall(
        r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert "site/store" in lines
    store = Store(tmp_path / "store")
    rain = assemble(["01013500", "01022500"], ["2024-05-01"], {"prcp": [[200.0], [300.0]]})
    why = xr.full_like(rain[["prcp"]], "beyond record", object)
    store.append(rain, source="test", quarantine=why)
    exec(lines.replace("site/store", str(store.path)))
    held = store.quarantined().set_index("basin")["released"]
    assert held.notna().to_dict() == {"01013500": True, "01022500": False}
    assert store.window("2024-05-01", "2024-05-01")["prcp"].values[0].tolist() == [200.0]
