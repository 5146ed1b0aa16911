"""Data sets: bundled real digits, larger image sets through torchvision, and toy points in the plane."""

from .images import NAMES, SPLITS, digits, load
from .points import EIGHT_STD, TOY, eight_means, toy

__all__ = ["EIGHT_STD", "NAMES", "SPLITS", "TOY", "digits", "eight_means", "load", "toy"]
