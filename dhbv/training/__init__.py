"""Training gA through the physics: minibatches, losses, checkpoints, the loop; torch."""
