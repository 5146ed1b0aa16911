"""What is expected of a function, and what each known mistake gives in its place.

For a practice exercise both are computed, by its reference and its wrong variants. Students have neither
of a graded one: there, the outcomes stand in a file beside it, the answer sheet, for the inputs that
anyone may see.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .exercise import Case, Exercise, Function, Mistake
from .outcome import Outcome, call
from .slips import Sketch, Slip, derived, kept, packed, unpacked

SUFFIX = ".safetensors"
SEEDS = (0, 1)  # of the inputs that anyone may see


@dataclass(frozen=True)
class Answer:
    """One case, what is expected there, and what each known mistake gives, by its name.

    Attributes:
        case: The arguments.
        expected: What the reference gives.
        wrong: What each mistake of the exercise's own list gives.
        sketches: What each slip gives, from an answer sheet; None where they can be computed.
        computed: Those that were, by the slip's function.
    """

    case: Case
    expected: Outcome
    wrong: Mapping[str, Outcome]
    sketches: Sequence[Sketch] | None = None
    computed: dict[Function, Sketch] = field(default_factory=dict, repr=False, compare=False)


def answers(exercise: Exercise, seed: int) -> list[Answer]:
    """What is expected on the inputs that a seed makes: computed, or read from the answer sheet.

    They are remembered, of a sheet until it changes: a student checks a function more than once.

    Raises:
        ValueError: If the reference fails, the sheet does not know the seed, or it belongs to
            other inputs.
        FileNotFoundError: If there is neither a reference nor a sheet.
    """
    solution = exercise.solution
    written: tuple[Any, ...]
    if solution is None:
        sheet = _sheet(exercise)
        stands = sheet.stat()
        written = (seed, exercise.make_cases, sheet, stands.st_mtime_ns, stands.st_size)
        if written not in exercise.known:
            exercise.known[written] = _read(exercise, sheet, seed)
        return list(exercise.known[written])
    # An exercise that is still being written changes: what was found before says nothing then.
    mistakes = tuple(m.function for m in exercise.mistakes)
    written = (seed, exercise.make_cases, solution, exercise.look, mistakes)
    if written not in exercise.known:
        exercise.known[written] = _computed(exercise, solution, seed)
    return list(exercise.known[written])


def _computed(exercise: Exercise, solution: Function, seed: int) -> list[Answer]:
    found = []
    for case in exercise.inputs(seed):
        expected = call(solution, case, exercise.observe)
        if expected.error or expected.odd:
            raise ValueError(f"the reference of {exercise.name} fails at {case.name}: {expected}")
        wrong = {m.name: call(m.function, case, exercise.observe) for m in exercise.mistakes}
        found.append(Answer(case, expected, wrong))
    return found


def write_sheet(exercise: Exercise, path: Path, seeds: Sequence[int] = SEEDS) -> None:
    """Write the answer sheet of an exercise: outcomes and messages, no code; of slips a sketch alone.

    Args:
        exercise: With its reference.
        path: Of the file.
        seeds: Of the inputs.
    """
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}

    def packed_whole(outcome: Outcome) -> dict[str, Any]:
        places = {}
        for name, value in outcome.values.items():
            places[name] = str(len(tensors))
            tensors[places[name]] = value.detach().cpu().contiguous().clone()
        return {"values": places, "odd": outcome.odd, "error": outcome.error}

    known = {seed: answers(exercise, seed) for seed in seeds}
    inputs = [answer for seed in seeds for answer in known[seed]]
    all_slips = [] if exercise.solution is None else derived(exercise.solution)
    slips, given = kept(exercise, all_slips, inputs)
    columns = iter(zip(*given, strict=True) if given else [()] * len(inputs))
    table: dict[str, list[dict[str, Any]]] = {}
    for seed in seeds:
        table[str(seed)] = entries = []
        for answer in known[seed]:
            numbers, odd = packed(next(columns), answer.expected)
            tensors[place := str(len(tensors))] = numbers
            entries.append(
                {
                    "case": answer.case.name,
                    "inputs": list(_sums(answer.case)),
                    "expected": packed_whole(answer.expected),
                    "wrong": {name: packed_whole(o) for name, o in answer.wrong.items()},
                    "slips": {"numbers": place, "odd": odd},
                }
            )
    mistakes = [
        {"name": m.name, "done": m.done, "why": m.why, "see": m.see} for m in exercise.mistakes
    ]
    said = [{"when": slip.when, "why": slip.why, "early": slip.early} for slip in slips]
    words = json.dumps({"mistakes": mistakes, "slips": said, "answers": table})
    save_file(tensors, path, metadata={"sheet": words})


def _sheet(exercise: Exercise) -> Path:
    if exercise.path is None:
        raise ValueError(f"the exercise {exercise.name} has no reference")
    path = exercise.path.with_suffix(SUFFIX)
    if not path.exists():
        raise FileNotFoundError(
            f"the answer sheet {path.name} is missing. It lies beside {exercise.path.name} in the "
            f"assignment's folder of questions; unpack the assignment again"
        )
    return path


def _read(exercise: Exercise, path: Path, seed: int) -> list[Answer]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            words = json.loads(file.metadata()["sheet"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path.name} is damaged ({error}); unpack the assignment again"
        ) from error
    if str(seed) not in words["answers"]:
        raise ValueError(f"{path.name} has no answers for seed {seed}: those inputs are hidden")
    exercise.mistakes[:] = [
        Mistake(m["name"], _not_here, m["done"], m["why"], m["see"]) for m in words["mistakes"]
    ]
    exercise.slips = [Slip(s["when"], s["why"], early=s["early"]) for s in words["slips"]]

    def whole(entry: Mapping[str, Any]) -> Outcome:
        values = {name: tensors[place] for name, place in entry["values"].items()}
        return Outcome(values, odd=entry["odd"], error=entry["error"])

    found = []
    cases = exercise.inputs(seed)
    for case, entry in zip(cases, words["answers"][str(seed)], strict=True):
        sums = torch.tensor(list(_sums(case)), dtype=torch.float64)
        made_for = torch.tensor(entry["inputs"], dtype=torch.float64)
        if sums.shape != made_for.shape or not torch.allclose(sums, made_for, rtol=1e-5, atol=1e-5):
            raise ValueError(
                f"{path.name} was made for other inputs than {path.stem}.py makes here "
                f"({case.name}). Unpack the assignment again; if that does not help, your torch "
                f"({torch.__version__}) draws other random numbers: tell your instructor"
            )
        wrong = {name: whole(outcome) for name, outcome in entry["wrong"].items()}
        expected, slips = whole(entry["expected"]), entry["slips"]
        count = len(exercise.slips)
        sketches = unpacked(tensors[slips["numbers"]], slips["odd"], count, expected)
        found.append(Answer(case, expected, wrong, sketches))
    return found


def _not_here(*args: object) -> None:
    raise NotImplementedError("the code of a graded exercise's mistakes stays with the instructor")


def _sums(case: Case) -> Iterator[float]:
    """Numbers that show whether the inputs are the same: the sum of each tensor, and each number."""
    for x in case.args:
        if torch.is_tensor(x):
            yield float(x.detach().double().sum())
        elif isinstance(x, nn.Module):
            yield from (float(weight.detach().double().sum()) for weight in x.parameters())
        elif isinstance(x, (bool, int, float)):
            yield float(x)
