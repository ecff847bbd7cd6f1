"""gA: the network from attributes A and weather x to the parameters θ (Tsai et al. 2021); torch."""

from dhbv.networks.parameter_networks import Logits, build

__all__ = ["Logits", "build"]
