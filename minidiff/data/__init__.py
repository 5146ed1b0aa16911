"""Data sets: bundled digits, one's own pictures, larger sets through torchvision, toy points in the plane."""

from .captioned import CaptionedDigits, Scene, captioned_digits, scenes
from .drawings import Drawings, emoji
from .images import NAMES, SPLITS, digits, load
from .pictures import Pictures, folder
from .points import EIGHT_STD, TOY, eight_means, toy

__all__ = [
    "EIGHT_STD",
    "NAMES",
    "SPLITS",
    "TOY",
    "CaptionedDigits",
    "Drawings",
    "Pictures",
    "Scene",
    "captioned_digits",
    "digits",
    "eight_means",
    "emoji",
    "folder",
    "load",
    "scenes",
    "toy",
]
