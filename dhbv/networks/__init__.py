"""gA: the network from attributes A and weather x to the parameters θ (Tsai et al. 2021); torch."""

from dhbv.networks.parameter_networks import ALL, Logits, Rows, build

__all__ = ["ALL", "Logits", "Rows", "build"]
