"""Exercise: L_0, the negative log-likelihood of 8-bit pictures under a normal distribution cut into bins."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from minidiff.check import Case, Exercise
from minidiff.check.inputs import pictures

EXERCISE = Exercise(
    name="discrete_nll",
    statement=r"""
The last term of the bound, $L_0 = -\log p_\theta(\mathbf{x}_0 \mid \mathbf{x}_1)$, for 8-bit pictures. A
pixel has one of 256 values between -1 and 1, which are $2/255$ apart. Each stands for a bin that reaches half
way to its neighbours, and its probability is what $\mathcal{N}(\mu, \sigma^2)$ has in that bin:

$$P(x) = \Phi\!\left(\frac{\delta_+ - \mu}{\sigma}\right) - \Phi\!\left(\frac{\delta_- - \mu}{\sigma}\right),
\qquad \delta_\pm = x \pm \frac{1}{255}$$

The two bins at the ends are open: $\delta_- = -\infty$ at $x = -1$, and $\delta_+ = \infty$ at $x = 1$.
$\Phi$ is the distribution function of the standard normal distribution,
$\Phi(z) = \frac12 \bigl(1 + \operatorname{erf}(z / \sqrt 2)\bigr)$.

`x_0`, `mean` ($\mu$) and `log_variance` ($\log \sigma^2$) have shape (B, C, H, W). Give back $-\log P$ in
nats, summed over each picture: shape (B,). (In the tests no probability is so small that it would need care.)
""",
    signature="discrete_nll(x_0, mean, log_variance)",
    see="eq-loss-terms",
    hints=(
        "First σ, from the logarithm of its square. Then the two edges of each bin, in units of σ from μ.",
        "At infinity Φ is 1, at minus infinity 0: torch.where puts these in where x_0 is at an end.",
        "Write a small helper for Φ with torch.erf, or take torch.special.ndtr, which is Φ. With its two "
        "values in hand, a difference is left, its log, a sign, and a sum over all dimensions but the first.",
    ),
    practice=False,
    rtol=2e-5,  # an approximation of Φ is off by more
    out_of_reach=(
        "minidiff.discretised_log_likelihood",
        "minidiff.losses.bound.bound_terms",  # at t = 1 it is the answer, and no shorter name leads to it
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Grey pictures and black-and-white ones; no mean is much further away than two σ."""

    def case(name: str, x_0: Tensor, reach: float, low: float, high: float) -> Case:
        mean = x_0 + reach * pictures(generator, *x_0.shape)
        log_variance = low + (high - low) * torch.rand(x_0.shape, generator=generator)
        return Case(name, (x_0, mean, log_variance))

    def drawn(low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high, shape, generator=generator) / 127.5 - 1

    ends = torch.where(torch.rand((2, 3, 4, 5), generator=generator) < 0.5, -1.0, 1.0)
    some_ends = drawn(0, 256, 3, 1, 4, 5)
    some_ends[:, :, 0], some_ends[:, :, 1] = -1.0, 1.0
    return [
        case("grey, none at the ends, σ as at t = 1", drawn(1, 255, 5, 1, 3, 4), 0.02, -9.5, -9.0),
        case("black and white only", ends, 0.04, -8.0, -4.0),
        case("both", some_ends, 0.04, -8.0, -4.0),
        case("one picture, σ near 1", drawn(0, 256, 1, 3, 2, 4), 1.5, -0.5, 1.0),
    ]


def _cdf(z: Tensor) -> Tensor:
    p: Tensor = torch.special.ndtr(z)
    return p


def _probability(
    x_0: Tensor, mean: Tensor, std: Tensor, half: float = 1 / 255, ends: bool = True
) -> Tensor:
    x_0, mean, std = x_0.double(), mean.double(), std.double()
    upper, lower = _cdf((x_0 + half - mean) / std), _cdf((x_0 - half - mean) / std)
    if ends:
        upper, lower = upper.where(x_0 < 0.999, 1.0), lower.where(x_0 > -0.999, 0.0)
    return upper - lower


def _std(log_variance: Tensor) -> Tensor:
    return (0.5 * log_variance.double()).exp()


@EXERCISE.reference
def discrete_nll(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Φ at both edges of each bin."""
    std = (log_variance / 2).exp()
    Phi = torch.special.ndtr
    upper = Phi((x_0 + 1 / 255 - mean) / std)
    lower = Phi((x_0 - 1 / 255 - mean) / std)
    upper = torch.where(x_0 > 0.999, 1.0, upper)
    lower = torch.where(x_0 < -0.999, 0.0, lower)
    log_p = (upper - lower).log()
    return -log_p.flatten(1).sum(1)


@EXERCISE.correct
def as_in_the_papers_code(x: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """Three cases, with a smallest probability."""
    inverse = torch.exp(-0.5 * log_var)
    upper = _cdf(inverse * (x - mean + 1 / 255))
    lower = _cdf(inverse * (x - mean - 1 / 255))
    inside = (upper - lower).clamp(min=1e-12).log()
    log_p = torch.where(x < -0.999, upper.clamp(min=1e-12).log(), inside)
    log_p = torch.where(x > 0.999, (1 - lower).clamp(min=1e-12).log(), log_p)
    return log_p.sum(dim=(1, 2, 3)).neg()


@EXERCISE.correct
def by_upper_tails(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """With erfc and edges at infinity, in float64."""
    x_0, scale = x_0.double(), _std(log_variance) * math.sqrt(2)
    upper = (x_0 + 1 / 255).masked_fill(x_0 == 1, math.inf)
    lower = (x_0 - 1 / 255).masked_fill(x_0 == -1, -math.inf)
    p = (torch.erfc((lower - mean) / scale) - torch.erfc((upper - mean) / scale)) / 2
    return -p.log().reshape(len(x_0), -1).sum(1)


@EXERCISE.correct
def by_erf(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """As the equation says; the ends by setting entries."""

    def cdf(z: Tensor) -> Tensor:
        return (1 + torch.erf(z / math.sqrt(2))) / 2

    std = log_variance.exp().sqrt()
    upper, lower = cdf((x_0 + 1 / 255 - mean) / std), cdf((x_0 - 1 / 255 - mean) / std)
    upper[x_0 == 1], lower[x_0 == -1] = 1, 0
    return -(upper - lower).log().sum((1, 2, 3))


@EXERCISE.correct
def with_far_edges(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """From pixel values 0..255; the ends are far away instead of open; the pictures in a loop."""
    edges = torch.arange(257) / 127.5 - 1 - 1 / 255
    edges[0], edges[-1] = -1000.0, 1000.0
    std, k = _std(log_variance), ((x_0 + 1) * 127.5).round().long()
    p = _cdf((edges[k + 1] - mean) / std) - _cdf((edges[k] - mean) / std)
    return torch.stack([-one.log().sum() for one in p])


def _log_density(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    z = (x_0 - mean).double() / _std(log_variance)
    return -(z**2 + log_variance.double() + math.log(2 * math.pi)) / 2


def _nll(p: Tensor) -> Tensor:
    return -p.log().flatten(1).sum(1)


@EXERCISE.correct
def by_distributions(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Torch's own distribution, and masks for the ends."""
    normal = torch.distributions.Normal(mean.double(), _std(log_variance))
    upper, lower = normal.cdf(x_0.double() + 1 / 255), normal.cdf(x_0.double() - 1 / 255)
    upper[x_0 > 0.999] = 1.0
    lower[x_0 < -0.999] = 0.0
    return -(upper - lower).log().sum(dim=(1, 2, 3))


@EXERCISE.correct
def picture_by_picture(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """A loop over the pictures, on the grid of grey levels."""
    level = (x_0.double() + 1) * 127.5
    sums = []
    for n, m, v in zip(level, mean.double(), log_variance.double(), strict=True):
        std = (v / 2).exp()
        edges = [((n + side) / 127.5 - 1 - m) / std for side in (-0.5, 0.5)]
        low = torch.where(n < 0.5, 0.0, _cdf(edges[0]))
        high = torch.where(n > 254.5, 1.0, _cdf(edges[1]))
        sums.append(-torch.log(high - low).sum())
    return torch.stack(sums)


@EXERCISE.mistake(
    "You took exp(log_variance), which is the variance, for the standard deviation.",
    "σ is its root: halve the logarithm before the exp.",
)
def variance_as_std(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return _nll(_probability(x_0, mean, log_variance.exp()))


@EXERCISE.mistake(
    "You gave the density at x_0.",
    "It may be larger than 1, and it depends on the unit of x. An 8-bit value has a probability: what the "
    "normal distribution has in its bin.",
)
def density(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return -_log_density(x_0, mean, log_variance).flatten(1).sum(1)


@EXERCISE.mistake(
    "You took the density times the width of the bin, 2/255.",
    "That is right only where the bin is much narrower than σ. At t = 1 it is about as wide as σ, and the "
    "bins at the ends are open: use Φ at both edges.",
)
def density_times_width(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    log_p = _log_density(x_0, mean, log_variance) + math.log(2 / 255)
    return -log_p.flatten(1).sum(1)


@EXERCISE.mistake(
    "You left the bins at the ends closed.",
    "What the normal distribution has beyond -1 and 1 must go somewhere, or the 256 probabilities do not sum "
    "to 1. It goes to the outermost values.",
)
def closed_ends(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return _nll(_probability(x_0, mean, _std(log_variance), ends=False))


@EXERCISE.mistake(
    "Your bins are twice as wide: they reach to the neighbouring values.",
    "The values are 2/255 apart, so a bin ends half way, 1/255 to either side.",
)
def wide_bins(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return _nll(_probability(x_0, mean, _std(log_variance), half=2 / 255))


@EXERCISE.mistake(
    "You gave the log-likelihood, without the minus.",
    "L_0 is a cost, as are the other terms of the bound: -log P, which is never negative.",
)
def no_minus(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return -_nll(_probability(x_0, mean, _std(log_variance)))


@EXERCISE.mistake(
    "You averaged over the pixels.",
    "The pixels are independent given x_1, so their log-probabilities add up. The division by their number "
    "comes later, with the bits per dimension.",
)
def averaged(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return _nll(_probability(x_0, mean, _std(log_variance))) / x_0[0].numel()


@EXERCISE.mistake(
    "You summed over the whole batch.",
    "Each picture has an L_0 of its own: sum over all dimensions but the first, and give back shape (B,).",
)
def over_the_batch(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    return _nll(_probability(x_0, mean, _std(log_variance))).sum()


@EXERCISE.mistake(
    "You approximated Φ by a tanh.",
    "It is found in well-known code, but it is off by up to 2e-4, and that shows in the fourth digit of the "
    "sum. torch.erf is exact.",
)
def by_tanh(x_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    def cdf(z: Tensor) -> Tensor:
        return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))

    std = _std(log_variance)
    upper, lower = cdf((x_0 + 1 / 255 - mean) / std), cdf((x_0 - 1 / 255 - mean) / std)
    return _nll(upper.where(x_0 < 0.999, 1.0) - lower.where(x_0 > -0.999, 0.0))
