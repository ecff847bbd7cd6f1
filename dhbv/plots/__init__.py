"""Pictures to be looked at: one basin, a region, a cycle. `style` is what all figures of the project share."""
