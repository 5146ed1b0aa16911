"""Exercise: guidance that keeps the size of the prediction."""

from __future__ import annotations

import torch
from torch import Tensor

from minidiff.check import Case, Exercise
from minidiff.check.inputs import noise

EXERCISE = Exercise(
    name="rescaled_eps",
    statement=r"""
Strong guidance makes the prediction too large. Shrink it, by a share $\varphi$, to the spread that the
conditional prediction has (Lin et al. 2024):

$$\tilde{\boldsymbol\epsilon} \leftarrow \Bigl(\varphi\,
    \frac{\operatorname{std}(\boldsymbol\epsilon_y)}{\operatorname{std}(\tilde{\boldsymbol\epsilon})}
    + 1 - \varphi\Bigr)\, \tilde{\boldsymbol\epsilon}$$

`guided` is $\tilde{\boldsymbol\epsilon}$ and `conditional` is $\boldsymbol\epsilon_y$, both of shape
(B, C, H, W); `phi` is a number from 0 to 1. The standard deviations are taken over all entries of a picture,
for each picture by itself. Give back the new prediction.
""",
    signature="rescaled_eps(guided, conditional, phi)",
    see="eq-cfg-rescale",
    hints=(
        "Each picture is multiplied by one number. How many standard deviations do you need for a batch?",
        "Over which dimensions of (B, C, H, W) do they run? All but the first.",
        "keepdim=True keeps the shape (B, 1, 1, 1), which fits beside the pictures. Check: φ = 0 changes "
        "nothing, and with φ = 1 the spread is that of `conditional`.",
    ),
    practice=False,
    out_of_reach=(
        "minidiff.classifier_free_guidance",
        "minidiff.sampling.guidance.rescaled",  # the answer itself, without a public name
    ),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Nothing, half and all of the way; each channel of each picture has another size and another mean."""

    def case(name: str, shape: tuple[int, ...], phi: float) -> Case:
        def uneven() -> Tensor:
            size = 0.5 + 2 * torch.rand(*shape[:2], 1, 1, generator=generator)
            return size * (noise(generator, *shape) + noise(generator, *shape[:2], 1, 1))

        return Case(name, (2 * uneven(), uneven(), phi))

    return [
        case("one picture, φ = 1", (1, 1, 3, 3), 1.0),
        case("three pictures, φ = 0.7", (3, 2, 4, 5), 0.7),
        case("two pictures, φ = 0", (2, 3, 4, 4), 0.0),
        case("four pictures, φ = 0.25", (4, 3, 2, 5), 0.25),
    ]


@EXERCISE.reference
def rescaled_eps(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    """One factor for each picture."""
    wanted = conditional.std(dim=(1, 2, 3), keepdim=True)
    there = guided.std(dim=(1, 2, 3), keepdim=True)
    return (phi * wanted / there + 1 - phi) * guided


@EXERCISE.correct
def as_the_paper(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    """In two steps: rescaled wholly, then mixed."""
    ratio = conditional.flatten(1).std(dim=1) / guided.flatten(1).std(dim=1)
    rescaled = guided * ratio[:, None, None, None]
    return phi * rescaled + (1 - phi) * guided


@EXERCISE.correct
def one_by_one(mixed: Tensor, with_label: Tensor, share: float) -> Tensor:
    """A loop over the pictures, with other names, in float64; the variance divided by n."""
    rows = []
    for g, c in zip(mixed.double(), with_label.double(), strict=True):
        factor = (c.var(correction=0) / g.var(correction=0)) ** 0.5
        rows.append(torch.lerp(g, factor * g, share))
    return torch.stack(rows)


@EXERCISE.correct
def in_place(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    """Overwrites its argument."""
    ratio = _spread(conditional).div_(_spread(guided))
    return guided.mul_(1 + phi * (ratio - 1))


def _spread(x: Tensor) -> Tensor:
    return x.std(dim=(1, 2, 3), keepdim=True)


@EXERCISE.correct
def by_variances(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    """The root of the ratio of variances, over flat pictures; in float64."""
    ratio = conditional.double().flatten(1).var(1) / guided.double().flatten(1).var(1)
    factor = phi * ratio.sqrt() + (1 - phi)
    return torch.einsum("b,bchw->bchw", factor, guided.double())


@EXERCISE.correct
def by_hand(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    """Deviations from the mean, squared and averaged; what divides both is left out."""

    def size(x: Tensor) -> Tensor:
        flat = x.reshape(len(x), -1)
        return (flat - flat.mean(1, keepdim=True)).square().sum(1).sqrt()

    factor = 1 + phi * (size(conditional) / size(guided) - 1)
    return guided * factor[:, None, None, None]


@EXERCISE.mistake(
    "You took one standard deviation over the whole batch.",
    "Then a picture's prediction depends on its company. Each picture has its own: take the std over "
    "channels, rows and columns only.",
)
def whole_batch(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    return (phi * conditional.std() / guided.std() + 1 - phi) * guided


@EXERCISE.mistake(
    "You took a standard deviation for each channel.",
    "Channel by channel the colours would shift against each other. One number for a whole picture: the "
    "std runs over the channels too.",
)
def per_channel(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    ratio = conditional.std(dim=(2, 3), keepdim=True) / guided.std(dim=(2, 3), keepdim=True)
    return (phi * ratio + 1 - phi) * guided


@EXERCISE.mistake(
    "Your ratio is upside down.",
    "The guided prediction is the larger one and should shrink: divide by its own std, multiply by that of "
    "the conditional one.",
)
def upside_down(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    return (phi * _spread(guided) / _spread(conditional) + 1 - phi) * guided


@EXERCISE.mistake(
    "You rescaled all the way, whatever φ is.",
    "φ is the share of the way: φ = 0 leaves the prediction as it is, φ = 1 gives it the whole factor.",
)
def phi_left_out(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    return _spread(conditional) / _spread(guided) * guided


@EXERCISE.mistake(
    "You swapped φ and 1 - φ.",
    "φ is the share of the rescaled prediction. With φ = 0 nothing should change.",
)
def shares_swapped(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    return ((1 - phi) * _spread(conditional) / _spread(guided) + phi) * guided


@EXERCISE.mistake(
    "You left out the part 1 - φ of the prediction that stays.",
    "The two shares sum to 1. Without the second one φ = 0 would give a prediction of zeros.",
)
def second_share_left_out(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    return phi * _spread(conditional) / _spread(guided) * guided


@EXERCISE.mistake(
    "You took the ratio of the variances.",
    "Twice as large a prediction has four times the variance, but must be halved: the ratio of the "
    "standard deviations does that.",
)
def variances(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    return (phi * (_spread(conditional) / _spread(guided)) ** 2 + 1 - phi) * guided


@EXERCISE.mistake(
    "You mixed in the conditional prediction itself.",
    "That only makes the guidance weaker. What is mixed is the guided prediction with its own rescaled "
    "version; of the conditional one only the std is used.",
)
def mixed_with_conditional(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    return phi * conditional + (1 - phi) * guided


@EXERCISE.mistake(
    "You compared lengths (norms) instead of standard deviations.",
    "The two differ where the mean of the entries is not 0: a std is measured from the mean.",
)
def norms(guided: Tensor, conditional: Tensor, phi: float) -> Tensor:
    lengths = [x.square().sum(dim=(1, 2, 3), keepdim=True).sqrt() for x in (conditional, guided)]
    return (phi * lengths[0] / lengths[1] + 1 - phi) * guided
