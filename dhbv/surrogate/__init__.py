"""dPL for a model that has no gradient: an LSTM learns to mimic it, and gA learns through the LSTM.

As the VIC case of Tsai et al. (2021), doi:10.1038/s41467-021-26107-z, their Figure 1a; see docs/surrogate.md.
"""
