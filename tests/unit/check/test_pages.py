"""What the pages for students and instructors show is what happens."""

import doctest
import re
from pathlib import Path

from make_assignments import stripped
from mutants import tally

from minidiff.check.bank import load
from minidiff.check.ladder import climb

ROOT = Path(__file__).parents[3]


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_students_page_shows_true_feedback():
    examples = "\n".join(blocks("assignments", "pycon"))
    test = doctest.DocTestParser().get_doctest(examples, {}, "book/assignments.md", None, 0)
    assert len(test.examples) > 10
    said = []
    failed = doctest.DocTestRunner(verbose=False).run(test, out=said.append).failed
    assert failed == 0, "".join(said)


def test_the_instructors_example_is_a_question(tmp_path):
    (source,) = (block for block in blocks("instructors", "python") if "EXERCISE = " in block)
    file = tmp_path / "snr.py"
    file.write_text(source, encoding="utf-8")
    exercise = load(file)
    for right in (exercise.solution, *exercise.variants):
        assert climb(exercise, right).passed
    (mistake,) = exercise.mistakes
    assert climb(exercise, mistake.function).message == "You divided the standard deviations."
    counted = tally(exercise)
    assert counted.passed == []
    assert counted.refused > 5
    compile(stripped(source), "snr.py", "exec")
