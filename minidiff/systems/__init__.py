"""The systems of the lecture, one file each: network, loss, sampler and recipe."""
