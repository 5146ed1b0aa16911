"""Data sets: bundled digits, one's own pictures, larger sets through torchvision, toy points in the plane."""

from .images import NAMES, SPLITS, digits, load
from .pictures import Pictures, folder
from .points import EIGHT_STD, TOY, eight_means, toy

__all__ = [
    "EIGHT_STD",
    "NAMES",
    "SPLITS",
    "TOY",
    "Pictures",
    "digits",
    "eight_means",
    "folder",
    "load",
    "toy",
]
