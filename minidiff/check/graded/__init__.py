"""Graded work: what stands between a submission and its points."""
