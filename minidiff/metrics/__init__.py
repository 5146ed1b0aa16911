"""How good samples are: Fréchet distance, what a classifier says, nearest neighbours, optimal transport.

Every metric takes tensors whose first dimension counts the examples, and computes distances in
float64 on the CPU.
"""

from .classifier import Classifier, Estimate, accuracy, diversity, features, fidelity
from .distances import nearest, nearest_distance, sliced_wasserstein
from .frechet import frechet_bootstrap, frechet_distance, frechet_gaussians
from .judge import Judge, SampleScores, draw_digits

__all__ = [
    "Classifier",
    "Estimate",
    "Judge",
    "SampleScores",
    "accuracy",
    "diversity",
    "draw_digits",
    "features",
    "fidelity",
    "frechet_bootstrap",
    "frechet_distance",
    "frechet_gaussians",
    "nearest",
    "nearest_distance",
    "sliced_wasserstein",
]
