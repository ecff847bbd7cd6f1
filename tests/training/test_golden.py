"""Twenty training steps whose losses are written down: what should change nothing changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from dhbv.kernels.autograd import Choice
from tests.conftest import small_config
from tests.training.test_trainer import trainer_of

LOSSES = [
    1.25401, 1.68099, 1.08427, 0.929704, 0.957777, 1.28675, 1.25059, 1.2199, 1.02969, 1.34269,
    1.11496, 1.3995, 1.07914, 1.25647, 1.25649, 1.1681, 1.06335, 0.968853, 1.24425, 1.72094,
]  # fmt: skip
"""Of `small_config` with seed 0; the physics, the networks, the sampler and the optimiser all enter them."""


@pytest.mark.parametrize("kernel", ["eager", "cpp"])
def test_plain_and_generated_physics_give_the_golden_loss_curve(kernel: Choice) -> None:
    trainer = trainer_of(small_config(iterations=len(LOSSES)))
    trainer.model.kernel = kernel
    trainer.run()
    np.testing.assert_allclose([loss for _, loss, _ in trainer.history], LOSSES, rtol=1e-4)
