"""Checks of the realization: what stops ngen, or makes it do something else than was meant."""

from __future__ import annotations

from collections.abc import Iterator

from dhbv.data.schema import some
from dhbv.nextgen.findings import Finding, Run, fails, note, ok
from dhbv.nextgen.realization import ID, MAIN_OUTPUT, Module


def realization(run: Run) -> Iterator[Finding]:
    """Keys that stop ngen, or make it do something else than was meant."""
    real = run.realization
    yield ok(f"{real.path.name}: {real.start} to {real.end}, {len(real.modules)} delta-hbv")
    if real.end < real.start:
        yield fails("time.end_time lies before time.start_time", "correct time")
    for module in real.modules:
        yield from _removed_keys(module)
        for key in ("init_config", "model_type_name", "main_output_variable"):
            if key not in module.params:
                yield fails(f"params has no {key}, without which ngen stops", f"add {key}")
        if module.catchment is None and ID not in module.params.get("init_config", ID):
            yield fails("init_config has no {{id}}: all catchments would be one", f"write ./config/{ID}.yml")
        if not module.params.get("allow_exceed_end_time"):
            yield note(
                "allow_exceed_end_time is not true", "set it, as ngen's default stops runs at the model's end"
            )
        if not module.params.get("cache_input_variable_metadata"):
            yield note("cache_input_variable_metadata is not true: the run takes longer", "set it to true")
    layers = real.document.get("layers")
    if layers is not None:
        yield note("layers: catchments run hourly whatever they say", "leave layers out")
    routing = real.document.get("routing")
    if routing is not None:
        file = real.folder / str(routing.get("t_route_config_file_with_path", ""))
        if not file.is_file():
            yield fails(f"t-route's configuration {file} is not there", "put it there, or leave routing out")


def _removed_keys(module: Module) -> Iterator[Finding]:
    for params in {id(p): p for p in (module.params, module.formulation)}.values():
        if params.get("uses_forcing_file"):
            yield fails("uses_forcing_file was removed and stops ngen", "delete the key")
        if params.get("forcing_file"):
            yield fails("forcing_file was removed and stops ngen", "delete the key")
        elif "forcing_file" in params or "uses_forcing_file" in params:
            yield note("forcing_file and uses_forcing_file were removed", "delete the keys")


def outputs(run: Run) -> Iterator[Finding]:
    """Variables that ngen is told to ask for."""
    known = set(run.component.outputs)
    for module in run.realization.modules:
        main = module.params.get("main_output_variable")
        renamed = set(module.params.get("variables_names_map", {}).values())
        if main not in known | renamed:
            yield fails(f"main_output_variable {main} is no output, which stops ngen", f"write {MAIN_OUTPUT}")
        elif main in known and main != MAIN_OUTPUT:
            yield fails(
                f"main_output_variable {main} is no depth in m: nexus flows would be wrong",
                f"write {MAIN_OUTPUT}",
            )
        asked = module.formulation.get("output_variables", [])
        # Other modules of a bmi_multi, and forcing, may be asked for too.
        unknown = [] if module.nested else [name for name in asked if name not in known | renamed]
        if unknown:
            yield fails(
                f"output_variables: no output {some(unknown)}, which stops ngen",
                f"choose among {', '.join(sorted(known))}",
            )
        headings = module.formulation.get("output_header_fields")
        if headings is not None and len(headings) != len(asked):
            yield fails(
                f"{len(asked)} output_variables and {len(headings)} output_header_fields: ngen drops the headings",
                "give one heading for each, or none",
            )
        elif not unknown:
            yield ok(f"{len(asked) or 'all'} variables are written")
