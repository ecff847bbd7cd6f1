"""A nation in one run: forcing, states and fluxes in chunks of catchments, on one machine or divided among many.

`national.run` is the run, `domain.write_domain` makes a domain to measure it on, `benchmark.measure` measures.
"""
