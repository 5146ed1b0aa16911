"""Convention 11: each public function refuses each wrong argument, and says which and why.

One table, for what no contract says; test_contracts.py has the rest. A row is (who, what is wrong, the call,
the exact type, the words that its message must hold): the argument's name comes first among the words,
then the value that was given.
"""

import importlib
import inspect
import math
from collections.abc import Iterator
from pathlib import Path

import torch
from bad_input import (
    GEN,
    NAN,
    PIXELS,
    WRONG_BATCH_OF_LABELS,
    WRONG_BETA,
    WRONG_ETA,
    WRONG_KIND,
    WRONG_LABELS,
    WRONG_SCHEDULE,
    WRONG_SHAPE,
    WRONG_T_OF_A_NET,
    WRONG_TIMES,
    WRONG_VARIANCE,
    ZERO_SNR,
    Row,
    S,
    X,
    Y,
    each_of,
    eps_model,
    labelled,
    refused,
    rows,
    wrong_count,
    wrong_floats,
    wrong_fraction,
    wrong_shapes,
)

import minidiff as md
from minidiff.base.rng import BatchSlice, randn


def schedule_rows() -> Iterator[Row]:
    yield from rows("NoiseSchedule", "beta", WRONG_BETA, md.NoiseSchedule)
    for name in ("beta_1", "beta_T"):
        yield from rows(
            "linear_schedule",
            name,
            wrong_fraction(name),
            lambda v, name=name: md.linear_schedule(**{name: v}),
        )
    too_few = [("T = 20", 20, ValueError, ("beta_T = 1", "T = 20", "T > 20"))]
    yield from rows(
        "linear_schedule", "rescale", too_few, lambda v: md.linear_schedule(v, rescale=True)
    )
    yield from rows("cosine_schedule", "s", wrong_fraction("s"), lambda v: md.cosine_schedule(s=v))


def convert_rows() -> Iterator[Row]:
    def call(p=X, x=X, t=3, s=S, source="eps", target="x0"):
        return md.convert(p, x, t, s, source=source, target=target)

    kinds = ("eps", "x0", "v", "score")
    for source in kinds:
        for target in (kind for kind in kinds if kind != source):
            who = f"{target}_from_{source}"
            function = getattr(md, who)
            if source in ("eps", "score") and target in ("x0", "v"):
                blind = [("ᾱ = 0", 2, ValueError, ("alpha_bar = 0 at t = 2", repr(source), "'v'"))]
                yield from rows(who, "t", blind, lambda v, f=function: f(X, X, v, ZERO_SNR))


def loss_rows() -> Iterator[Row]:
    def call(net=labelled, x=X, s=S, **options):
        return md.simple_loss(net, x, s, **options)

    yield from rows("simple_loss", "kind", WRONG_KIND, lambda v: call(eps_model, kind=v))
    one = [("an int", 3, TypeError, ("y must be a LongTensor", "3 (int)"))]
    wrong_y = [*WRONG_LABELS, *WRONG_BATCH_OF_LABELS, *one]
    yield from rows("simple_loss", "y", wrong_y, lambda v: call(y=v))
    no_classes = [("a network without classes", Y, ValueError, ("labels y", "no classes"))]
    yield from rows("simple_loss", "y", no_classes, lambda v: call(eps_model, y=v))
    rates = [
        ("-0.1", -0.1, ValueError, ("label_dropout must lie in [0, 1]", "-0.1")),
        ("10 for 10 %", 10, ValueError, ("label_dropout must lie in [0, 1]", "10")),
    ]
    yield from rows("simple_loss", "label_dropout", rates, lambda v: call(y=Y, label_dropout=v))
    answers = [
        ("another shape", X[:, :, :1], ValueError, ("prediction", "(3, 1, 1, 8)", "(3, 1, 8, 8)")),
        ("a tuple", (X, X), TypeError, ("prediction", "torch.Tensor", "(tuple)")),
        ("None", None, TypeError, ("prediction", "torch.Tensor", "None")),
    ]
    yield from rows("simple_loss", "net's answer", answers, lambda v: call(lambda x, t: v))


def step_rows() -> Iterator[Row]:
    def call(p=X, x=X, t=5, s=4, schedule=S, **options):
        return md.sample_step(p, x, t, s, schedule, **options)

    yield from rows("sample_step", "kind", WRONG_KIND, lambda v: call(kind=v))
    yield from rows("sample_step", "eta", WRONG_ETA, lambda v: call(eta=v))
    for word in ("large", "learned"):
        at_half = [
            (f"with {word}", 0.5, ValueError, (f"variance='{word}'", "eta = 1", "eta = 0.5"))
        ]
        yield from rows(
            "sample_step", "eta", at_half, lambda v, w=word: call(eta=v, variance=w, v=X)
        )
    missing = [("missing", None, ValueError, ("v is the mixing weight", "without v"))]
    wrong_v = [*wrong_floats("v")[:2], *wrong_floats("v")[3:], *wrong_shapes("v", "x_t"), *missing]
    yield from rows("sample_step", "v", wrong_v, lambda v: call(variance="learned", v=v))
    too_much = [("not asked for", X, ValueError, ("v is the mixing weight", "'small' with v"))]
    yield from rows("sample_step", "v", too_much, lambda v: call(v=v))
    for kind in ("eps", "score"):
        blind = [("ᾱ = 0", 2, ValueError, ("alpha_bar = 0 at t = 2", repr(kind), "'v' or 'x0'"))]
        yield from rows(
            "sample_step", "t", blind, lambda v, k=kind: call(t=v, s=1, schedule=ZERO_SNR, kind=k)
        )


def walk_rows() -> Iterator[Row]:
    wrong_steps = [
        *wrong_count("steps"),
        ("more than T", 13, ValueError, ("steps must be at most T = 12", "got 13")),
    ]
    for function in (md.sampling_steps, md.ddpm_sample, md.ddim_sample):
        who = function.__name__

        def call(schedule=S, shape=(3, 1, 8, 8), model=eps_model, f=function, **options):
            if f is md.ddim_sample:
                options = {"steps": None, **options}
            return f(model, schedule, shape, **options)

        yield from rows(who, "schedule", WRONG_SCHEDULE, lambda v, c=call: c(v))
        yield from rows(who, "shape", WRONG_SHAPE, lambda v, c=call: c(shape=v))
        neither = [("missing", None, ValueError, ("shape=(B, ...)", "x_T="))]
        yield from rows(who, "shape", neither, lambda v, c=call: c(shape=v))
        yield from rows(who, "steps", wrong_steps, lambda v, c=call: c(steps=v))
        yield from rows(who, "times", WRONG_TIMES, lambda v, c=call: c(times=v))
        both = [("beside steps", [12, 0], ValueError, ("steps=", "times=", "steps=3"))]
        yield from rows(who, "times", both, lambda v, c=call: c(times=v, steps=3))
        wrong_x_T = [row for row in wrong_floats("x_T") if row[0] != "None"]
        yield from rows(who, "x_T", wrong_x_T, lambda v, c=call: c(shape=None, x_T=v))
        other = [("another shape", X[:2], ValueError, ("(3, 1, 8, 8)", "x_T", "(2, 1, 8, 8)"))]
        yield from rows(who, "x_T", other, lambda v, c=call: c(x_T=v))
        yield from rows(who, "kind", WRONG_KIND, lambda v, c=call: c(kind=v))
        yield from rows(who, "variance", WRONG_VARIANCE, lambda v, c=call: c(variance=v))
        if function is not md.ddpm_sample:
            yield from rows(who, "eta", WRONG_ETA, lambda v, c=call: c(eta=v))
        blind = [("ᾱ = 0", "eps", ValueError, ("alpha_bar = 0 at t = 2", "'eps'", "'v' or 'x0'"))]
        yield from rows(who, "kind", blind, lambda v, c=call: c(schedule=ZERO_SNR, kind=v))
    answers = [
        ("another shape", X[:1], ValueError, ("what eps_model returned", "(1, 1, 8, 8)")),
        ("a triple", (X, X, X), TypeError, ("the pair (prediction, v)", "tuple")),
        ("NaN", NAN, ValueError, ("NaN or infinity", "eps_model")),
    ]
    yield from rows(
        "ddim_sample",
        "eps_model's answer",
        answers,
        lambda v: md.ddim_sample(lambda x, t: v, S, (3, 1, 8, 8), steps=2),
    )
    answers = [
        ("no pair", X, TypeError, ("variance='learned'", "(prediction, v)", "Tensor")),
        ("v of another shape", (X, X[:1]), ValueError, ("v, which eps_model", "(1, 1, 8, 8)")),
    ]
    yield from rows(
        "ddpm_sample",
        "eps_model's answer",
        answers,
        lambda v: md.ddpm_sample(lambda x, t: v, S, (3, 1, 8, 8), variance="learned"),
    )


def guidance_rows() -> Iterator[Row]:
    who = "classifier_free_guidance"
    wrong_y = [
        *WRONG_LABELS,
        ("-1 for all", -1, IndexError, ("y = -1", "0..9")),
        ("a float", 3.0, TypeError, ("y must be", "3.0 (float)")),
    ]
    yield from rows(who, "y", wrong_y, lambda v: md.classifier_free_guidance(labelled, v, 1.0))
    short = [("another batch", Y[:2], ValueError, ("y has 2 labels", "batch has 3"))]
    yield from rows(
        who, "y", short, lambda v: md.classifier_free_guidance(labelled, v, 1.0)(X, Y + 1)
    )
    wrong_w = [
        ("below -1", -1.5, ValueError, ("w must lie in [-1", "-1.5")),
        ("NaN", math.nan, ValueError, ("w must lie in [-1", "nan")),
        ("infinity", math.inf, ValueError, ("w must lie in [-1", "inf")),
        ("a word", "2", TypeError, ("w must be a number", "'2'")),
    ]
    yield from rows(who, "w", wrong_w, lambda v: md.classifier_free_guidance(labelled, 3, v))
    no_classes = [
        ("without classes", eps_model, ValueError, ("needs a network with classes",)),
        ("made without", md.MLP(width=8, depth=1), ValueError, ("classes=",)),
    ]
    yield from rows(who, "net", no_classes, lambda v: md.classifier_free_guidance(v, 3, 1.0))


def likelihood_rows() -> Iterator[Row]:
    wrong_var = [
        ("0", 0.0, ValueError, ("must be positive", "got 0")),
        ("negative", -0.1, ValueError, ("must be positive", "got -0.1")),
        ("one entry 0", torch.eye(8).expand(3, 1, 8, 8), ValueError, ("must be positive",)),
        ("NaN", math.nan, ValueError, ("NaN or infinity",)),
        ("a word", "wide", TypeError, ("must be a number or a tensor", "'wide'")),
        ("a batch of numbers", torch.ones(3), ValueError, ("shape (3,)", "(3, 1, 8, 8)")),
    ]
    numbers = {"mean_1": 0.0, "var_1": 1.0, "mean_2": 0.0, "var_2": 1.0}
    for name in numbers:
        bad = wrong_var if name.startswith("var") else wrong_var[3:]
        bad = [(what, v, kind, (name, *words)) for what, v, kind, words in bad]
        other = "mean_2" if name == "mean_1" else "mean_1"
        yield from rows(
            "gaussian_kl",
            name,
            bad,
            lambda v, n=name, o=other: md.gaussian_kl(**{**numbers, o: X, n: v}),
        )
    for function in (md.gaussian_log_density, md.discretised_log_likelihood):
        who = function.__name__
        named = [(what, v, kind, ("var", *words)) for what, v, kind, words in wrong_var]
        yield from rows(who, "var", named, lambda v, f=function: f(PIXELS, X, v))
    yield from rows(
        "discretised_log_likelihood",
        "x",
        wrong_pixels("x"),
        lambda v: md.discretised_log_likelihood(v, X, 1.0),
    )


def wrong_pixels(name: str) -> list[tuple]:
    """Values that no byte stands for."""
    return [
        ("between bytes", X, ValueError, (f"{name} must hold 8-bit values", "got 0 (192 of 192")),
        ("in 0..255", PIXELS + 200, ValueError, (f"{name} must hold 8-bit values", "199")),
    ]


def elbo_rows() -> Iterator[Row]:
    p = torch.tensor([0.0, 0.0, *[1 / 11] * 11], dtype=torch.float64)

    def call_elbo(x=PIXELS, s=S, model=eps_model, **options):
        return md.elbo(model, x, s, **options)

    def call_sampled(x=PIXELS, s=S, model=eps_model, probabilities=p, **options):
        return md.sampled_bits_per_dim(model, x, s, probabilities, **options)

    answers = [
        ("another shape", X[:, :, :1], ValueError, ("what eps_model returned", "(3, 1, 1, 8)")),
        ("a triple", (X, X, X), TypeError, ("the pair (prediction, v)", "tuple")),
    ]
    for who, call in (("elbo", call_elbo), ("sampled_bits_per_dim", call_sampled)):
        yield from rows(who, "x_0", wrong_pixels("x_0"), lambda v, c=call: c(v))
        yield from rows(who, "kind", WRONG_KIND, lambda v, c=call: c(kind=v))
        yield from rows(
            who, "eps_model's answer", answers, lambda v, c=call: c(model=lambda x, t: v[: len(x)])
        )
    wrong_noise = [row for row in wrong_floats("noise") if row[0] != "None"]
    shapes = [
        ("no draws", X, ValueError, ("noise must have shape (draws, B, ...)", "(3, 1, 8, 8)"))
    ]
    yield from rows("elbo", "noise", wrong_noise + shapes, lambda v: call_elbo(noise=v))
    wrong_p = [
        ("too short", p[1:], ValueError, ("probabilities must have shape", "(13,)", "(12,)")),
        ("sum 2", 2 * p, ValueError, ("probabilities", "sum of 2")),
        ("negative", p - p.roll(1), ValueError, ("probabilities", "smallest entry of -0.09")),
        ("t = 0", (p + 1 / 13) / 2, ValueError, ("probabilities must be 0 at t = 0",)),
        ("t = 1", p.roll(-1), ValueError, ("probabilities must be 0 at t = 0 and 1",)),
        ("a list", [1.0], TypeError, ("probabilities", "[1.0] (list)")),
    ]
    yield from rows(
        "sampled_bits_per_dim", "probabilities", wrong_p, lambda v: call_sampled(probabilities=v)
    )
    one = md.NoiseSchedule([0.5])
    yield from rows(
        "importance_of_times",
        "terms",
        [("a chain of one step", one, ValueError, ("terms.L_t is 0 everywhere",))],
        lambda v: md.importance_of_times(md.elbo(eps_model, X[:, 0, 0], v)),
    )
    errors = torch.zeros(3, 13)
    wrong_error = [
        *wrong_floats("x0_error", errors),
        ("T columns", errors[:, 1:], ValueError, ("(B, T+1) = (B, 13), got", "(3, 12)")),
    ]
    yield from rows("kl_terms", "x0_error", wrong_error, lambda v: md.kl_terms(v, S))
    learned = [("no pair", X, TypeError, ("variance='learned'", "(prediction, v)", "Tensor"))]
    yield from rows(
        "elbo",
        "eps_model's answer",
        learned,
        lambda v: call_elbo(model=lambda x, t: v, variance="learned"),
    )
    fixed = [("learned", "learned", ValueError, ("variance must be one of", "'learned'"))]
    tables = {
        "model_variance": md.model_variance,
        "loss_weights": md.loss_weights,
        "kl_terms": lambda s, variance="small": md.kl_terms(errors, s, variance),
    }
    for who, table in tables.items():
        yield from rows(who, "variance", fixed, lambda v, f=table: f(S, v))
    kinds = [("v", "v", ValueError, ("kind must be one of 'eps', 'x0'", "'v'"))]
    yield from rows("loss_weights", "kind", kinds, lambda v: md.loss_weights(S, kind=v))
    blind = [("ᾱ_T = 0", ZERO_SNR, ValueError, ("alpha_bar = 0 at t = 2", "'eps'"))]
    yield from rows("loss_weights", "schedule", blind, md.loss_weights)


def two_heads(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return torch.cat([x, x], dim=1)


def learned_rows() -> Iterator[Row]:
    odd = [("odd", X, ValueError, ("output must have shape (B, 2C, ...)", "out_channels"))]
    wrong = [*wrong_floats("output")[:8], *odd]
    yield from rows("split_variance", "output", wrong, md.split_variance)
    even = torch.tensor([0.0, *[1 / 12] * 12], dtype=torch.float64)
    for function in (md.vlb_loss, md.hybrid_loss):
        who = function.__name__

        def call(net=two_heads, x=PIXELS, s=S, f=function, **options):
            return f(net, x, s, **options)

        yield from rows(who, "x_0", wrong_pixels("x_0"), lambda v, c=call: c(x=v))
        answers = [
            ("one half only", X, ValueError, ("output must have shape (B, 2C, ...)",)),
            ("wide halves", X.repeat(1, 4, 1, 1), ValueError, ("first half", "(3, 2, 8, 8)")),
        ]
        yield from rows(who, "net's answer", answers, lambda v, c=call: c(lambda x, t: v))
    wrong_p = [
        ("too short", even[1:], ValueError, ("probabilities must have shape", "(12,)")),
        (
            "above 0 at t = 0",
            (even + 1 / 13) / 2,
            ValueError,
            ("probabilities must be 0 at t = 0",),
        ),
        (
            "0 at t = 1",
            even.roll(1),
            ValueError,
            ("probabilities must be 0 at t = 0", "smallest of 0 after it"),
        ),
        ("sum 2", 2 * even, ValueError, ("probabilities", "sum of 2")),
    ]
    yield from rows(
        "vlb_loss",
        "probabilities",
        wrong_p,
        lambda v: md.vlb_loss(two_heads, PIXELS, S, probabilities=v),
    )
    weights = [("negative", -1.0, ValueError, ("vlb_weight must lie in", "-1"))]
    yield from rows(
        "hybrid_loss",
        "vlb_weight",
        weights,
        lambda v: md.hybrid_loss(two_heads, PIXELS, S, vlb_weight=v),
    )


def classifier_rows() -> Iterator[Row]:
    means, labels = torch.zeros(4, 1, 8, 8), torch.tensor([0, 1, 1, 0])
    model = md.exact.mixture(means, 1.0, None, S)
    reads = md.exact.classifier(model, labels)

    def call(net=reads, y=Y % 2, scale=1.0, s=S, x=X):
        return md.classifier_guidance(model, net, y, scale, s)(x, 3)

    who = "classifier_guidance"
    wrong_y = [
        ("negative", torch.tensor([0, -1, 1]), IndexError, ("y = -1", "negative")),
        ("negative for all", -1, IndexError, ("y = -1", "negative")),
        ("too large", torch.tensor([0, 2, 1]), IndexError, ("y = 2", "0..1", "classifier")),
        ("floats", torch.zeros(3), TypeError, ("y must be", "torch.float32")),
        ("a word", "1", TypeError, ("y must be", "'1' (str)")),
        ("another batch", torch.tensor([0, 1]), ValueError, ("y has 2 labels", "batch has 3")),
    ]
    yield from rows(who, "y", wrong_y, lambda v: call(y=v))
    wrong_scale = [
        ("negative", -0.5, ValueError, ("scale must lie in [0", "-0.5")),
        ("a word", "2", TypeError, ("scale must be a number", "'2'")),
    ]
    yield from rows(who, "scale", wrong_scale, lambda v: call(scale=v))
    answers = [
        ("one number", torch.zeros(3), ValueError, ("logits of shape (3, classes)", "(3,)")),
        ("another batch", torch.zeros(2, 2), ValueError, ("logits of shape (3, classes)",)),
    ]
    for name, f in (
        (who, lambda v: call(net=lambda x, t: v)),
        ("classifier_gradient", lambda v: md.classifier_gradient(lambda x, t: v, X, 3, 1)),
    ):
        yield from rows(name, "classifier's answer", answers, f)
    yield from rows("shifted_mean", "scale", wrong_scale, lambda v: md.shifted_mean(X, 1.0, X, v))
    wrong_labels = [
        ("too few", labels[:3], ValueError, ("labels must be 4 numbers",)),
        ("negative", labels - 1, ValueError, ("labels must be 4 numbers from 0 up",)),
        ("floats", labels.float(), TypeError, ("labels must be a LongTensor",)),
        ("a list", [0, 1, 1, 0], TypeError, ("labels must be a LongTensor", "(list)")),
    ]
    yield from rows(
        "exact.classifier", "labels", wrong_labels, lambda v: md.exact.classifier(model, v)
    )
    models = [("a network", eps_model, TypeError, ("model must come from exact.mixture",))]
    yield from rows("exact.classifier", "model", models, lambda v: md.exact.classifier(v, labels))
    no_y = [("missing", None, ValueError, ("y is missing", "labels"))]
    yield from rows(
        "noisy_classifier_loss", "y", no_y, lambda v: md.noisy_classifier_loss(reads, X, S, v)
    )
    too_large = [("too large", torch.tensor([0, 5, 1]), IndexError, ("y = 5",))]
    yield from rows(
        "noisy_classifier_loss", "y", too_large, lambda v: md.noisy_classifier_loss(reads, X, S, v)
    )
    ends = [("low above high", 30, ValueError, ("high must be at least 30", "got 20"))]
    yield from rows("interval", "low", ends, lambda v: md.interval(1.0, v, 20))
    strengths = [("below -1", -2.0, ValueError, ("w must lie in [-1", "-2"))]
    yield from rows("interval", "w", strengths, lambda v: md.interval(v, 1, 20))
    shares = [("above 1", 1.5, ValueError, ("rescale must lie in [0, 1]", "1.5"))]
    yield from rows(
        "classifier_free_guidance",
        "rescale",
        shares,
        lambda v: md.classifier_free_guidance(labelled, 3, 1.0, rescale=v),
    )
    widths = [
        ("width", {"width": 6}, ValueError, ("width must be a multiple of 4", "6")),
        ("no level", {"multipliers": ()}, ValueError, ("multipliers must name at least one",)),
        ("dropout", {"dropout": 2}, ValueError, ("dropout must lie in", "2")),
        ("classes", {"classes": 0}, ValueError, ("classes must be at least 1",)),
    ]
    yield from rows("NoisyClassifier", "its shape", widths, lambda v: md.NoisyClassifier(**v))
    sizes = [("7 pixels", X[..., :7], ValueError, ("8×7 pixels", "multiples of 4"))]
    yield from rows("NoisyClassifier", "x", sizes, lambda v: md.NoisyClassifier(width=8)(v, 3))


def exact_rows() -> Iterator[Row]:
    exact, data = md.exact, torch.zeros(4, 1, 8, 8)

    def wrong_std(extra: list[tuple] = ()) -> list[tuple]:
        return [
            ("negative", -0.1, ValueError, ("std must be at least 0", "-0.1")),
            ("NaN", math.nan, ValueError, ("std must be finite", "nan")),
            ("a word", "wide", TypeError, ("std must be a number", "'wide'")),
            *extra,
        ]

    yield from rows("gaussian", "std", wrong_std(), lambda v: exact.gaussian(0.0, v, S))
    for name in ("mean", "std"):
        shapes = [
            ("a column", torch.ones(8, 1), ValueError, (f"{name} has shape (8, 1)", "(1, 8, 8)")),
            ("a batch", torch.ones(3, 1, 8, 8), ValueError, (f"{name} has shape (3, 1, 8, 8)",)),
        ]
        yield from rows(
            "gaussian",
            name,
            shapes,
            lambda v, n=name: exact.gaussian(**{"mean": 0.0, "std": 1.0, n: v}, schedule=S)(X, 3),
        )
    flat = ("no batch", torch.zeros(4), ValueError)
    wrong = [*wrong_floats("means", data), (*flat, ("means", "(K, ...)", "(4,)"))]
    yield from rows("mixture", "means", wrong, lambda v: exact.mixture(v, 1.0, None, S))
    too_many = ("another number", torch.ones(3), ValueError, ("std", "shape (4,)", "(3,)"))
    yield from rows(
        "mixture", "std", wrong_std([too_many]), lambda v: exact.mixture(data, v, None, S)
    )
    weights = [
        ("another number", torch.ones(3), ValueError, ("weights must be 4 positive numbers",)),
        (
            "0",
            torch.tensor([1, 0, 1, 1]),
            ValueError,
            ("weights must be 4 positive", "[1, 0, 1, 1]"),
        ),
        ("NaN", torch.full((4,), math.nan), ValueError, ("weights must be finite", "nan")),
        ("a word", "even", TypeError, ("weights must be a number or a tensor", "'even'")),
    ]
    yield from rows("mixture", "weights", weights, lambda v: exact.mixture(data, 1.0, v, S))
    wrong = [*wrong_floats("data", data), (*flat, ("data", "(K, ...)", "(4,)"))]
    yield from rows("ideal", "data", wrong, lambda v: exact.ideal(v, S))
    models = {
        "gaussian": lambda s: exact.gaussian(0.3, 0.1, s),
        "mixture": lambda s: exact.mixture(data, 1.0, None, s),
        "ideal": lambda s: exact.ideal(data, s),
    }
    for who, make in models.items():
        model = make(S)
        yield from rows(f"{who}'s model", "t", WRONG_T_OF_A_NET, lambda v, m=model: m(X, v))
        yield from rows(
            f"{who}'s model", "x_t", wrong_floats("x_t")[:8], lambda v, m=model: m(v, 3)
        )
    other = [("another example", X[..., :7], ValueError, ("x_t", "(B, 1, 8, 8)", "(3, 1, 8, 7)"))]
    for who in ("mixture", "ideal"):
        model = models[who](S)
        yield from rows(f"{who}'s model", "x_t", other, lambda v, m=model: m(v, 3))


def draw_rows() -> Iterator[Row]:
    start = [("-1", -1, ValueError, ("start must be at least 0", "-1"))]
    yield from rows("BatchSlice", "start", start, lambda v: BatchSlice(GEN, v, 4))
    yield from rows("BatchSlice", "total", wrong_count("total"), lambda v: BatchSlice(GEN, 0, v))
    past = [("too far", 3, ValueError, ("rows 3..5", "has only 4"))]
    yield from rows("BatchSlice", "start", past, lambda v: randn((3, 2), BatchSlice(GEN, v, 4)))


def network_rows() -> Iterator[Row]:
    net = md.TinyUNet(channels=1, classes=10, width=8, multipliers=(1, 2))
    images = [
        *[row for row in wrong_floats("x")[:7] if row[0] != "complex"],
        ("no batch", X[0], ValueError, ("x must have shape (B, C, H, W)", "(1, 8, 8)")),
        (
            "channels",
            torch.zeros(3, 3, 8, 8),
            ValueError,
            ("x must have 1 channel", "(3, 3, 8, 8)"),
        ),
        ("channels last", torch.zeros(3, 8, 8, 1), ValueError, ("channels come second",)),
        ("an odd size", torch.zeros(3, 1, 7, 8), ValueError, ("7",)),
    ]
    yield from rows("TinyUNet", "x", images, lambda v: net(v, 3))
    times = [
        ("a word", "3", TypeError, ("t must be", "'3' (str)")),
        ("a bool", True, TypeError, ("t must be", "True (bool)")),
        ("another batch", torch.ones(2), ValueError, ("t must", "(3,)", "(2,)")),
        ("a column", torch.ones(3, 1), ValueError, ("t must", "(3,)", "(3, 1)")),
    ]
    yield from rows("TinyUNet", "t", times, lambda v: net(X, v))
    yield from rows(
        "TinyUNet", "y", [*WRONG_LABELS, *WRONG_BATCH_OF_LABELS], lambda v: net(X, 3, v)
    )
    bare = md.TinyUNet(channels=1, width=8, multipliers=(1, 2))
    no_labels = [("no classes", Y, ValueError, ("y was given", "no labels"))]
    yield from rows("TinyUNet", "y", no_labels, lambda v: bare(X, 3, v))
    yield from rows(
        "sinusoidal_embedding",
        "dim",
        [
            ("odd", 7, ValueError, ("dim must be even", "7")),
            ("0", 0, ValueError, ("dim must be even", "0")),
        ],
        lambda v: md.sinusoidal_embedding(torch.ones(2), v),
    )


def lazy_rows() -> Iterator[Row]:
    """The main ones of the modules that load when they are used; their own tests have the rest."""
    names = [("unknown", "cats", ValueError, ("name must be one of 'digits'", "'cats'"))]
    yield from rows("data.load", "name", names, lambda v: md.data.load(v))
    splits = [("unknown", "test", ValueError, ("split must be one of", "'heldout'", "'test'"))]
    yield from rows("data.load", "split", splits, lambda v: md.data.load("digits", split=v))
    yield from rows(
        "data.load", "size", wrong_count("size"), lambda v: md.data.load("digits", size=v)
    )
    toys = [("unknown", "moons", ValueError, ("name must be one of", "'two_moons'", "'moons'"))]
    yield from rows("data.toy", "name", toys, lambda v: md.data.toy(v, 10))
    yield from rows("data.toy", "n", wrong_count("n"), lambda v: md.data.toy("ring", v))
    a = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    yield from rows(
        "metrics.frechet_distance",
        "a",
        wrong_floats("a", a),
        lambda v: md.metrics.frechet_distance(v, a),
    )
    yield from rows(
        "metrics.nearest_distance",
        "b",
        wrong_floats("b", a),
        lambda v: md.metrics.nearest_distance(a, v),
    )
    yield from rows(
        "viz.beta_explorer",
        "T",
        [row for row in wrong_count("T") if row[0] not in ("0", "negative")],
        lambda v: md.viz.beta_explorer(v),
    )
    low = [("1", 1, ValueError, ("T must be at least 2", "got 1"))]
    yield from rows("viz.beta_explorer", "T", low, lambda v: md.viz.beta_explorer(v))
    curves = [("unknown", "sigmoid", ValueError, ("schedule must be one of", "'sigmoid'"))]
    yield from rows(
        "viz.beta_explorer", "schedule", curves, lambda v: md.viz.beta_explorer(schedule=v)
    )


def train_rows() -> Iterator[Row]:
    net = md.TinyUNet(channels=1, classes=10, width=8, multipliers=(1, 2))

    def call(data=X, net=net, **options):
        settings = {"schedule": S, "steps": 1, "batch": 2, "progress": False, **options}
        return md.train(net, data, **settings)

    wrong_data = [row for row in wrong_floats("data")[3:] if row[0] not in ("complex", "a scalar")]
    yield from rows("train", "data", wrong_data, call)
    wrong_y = [(w, v, k, ("data[1] (y)", *words[1:])) for w, v, k, words in WRONG_LABELS[:4]]
    yield from rows("train", "data", wrong_y, lambda v: call((X, v)))
    names = [
        ("unknown", "cats", ValueError, ("name must be one of", "'cats'")),
        ("a number", 3, TypeError, ("name must be a name such as 'digits16'", "3 (int)")),
    ]
    yield from rows("load", "name", names, md.load)


TABLE = [
    *schedule_rows(),
    *convert_rows(),
    *loss_rows(),
    *step_rows(),
    *walk_rows(),
    *guidance_rows(),
    *likelihood_rows(),
    *elbo_rows(),
    *learned_rows(),
    *classifier_rows(),
    *exact_rows(),
    *draw_rows(),
    *network_rows(),
    *lazy_rows(),
    *train_rows(),
]


@each_of(TABLE)
def test_what_is_wrong_is_refused_and_named(call, kind, words):
    refused(call, kind, words)


def test_every_public_function_is_in_the_table():
    table = list(TABLE)
    for path in Path(__file__).parent.glob("test_bad_input_*.py"):  # tables of later parts
        table += importlib.import_module(f"tests.unit.{path.stem}").TABLE
    table += importlib.import_module("tests.unit.test_contracts").ROWS
    here = {who.split(".")[-1].split("'")[0] for who, *_ in table}
    records = {"Elbo", "Run", "State"}  # made by the library, not by the caller
    functions = {name for name in md.__all__ if callable(getattr(md, name))}
    takes = {name for name in functions if inspect.signature(getattr(md, name)).parameters}
    assert takes - records <= here
