"""From noise back to data: times, one step, the loops around it, inversion, guidance."""
