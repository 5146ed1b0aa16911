"""Networks: everything that learns, and nothing that knows of schedules."""

from ..base.model import Denoiser, Network, seeded_weights
from .classifier import DigitClassifier
from .embeddings import ConditionEmbedding, sinusoidal_embedding
from .mlp import MLP
from .noisy_classifier import NoisyClassifier
from .unet import TinyUNet

__all__ = [
    "MLP",
    "ConditionEmbedding",
    "Denoiser",
    "DigitClassifier",
    "Network",
    "NoisyClassifier",
    "TinyUNet",
    "seeded_weights",
    "sinusoidal_embedding",
]
