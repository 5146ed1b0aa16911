"""Names and defaults that people's programs count on change only where somebody means it."""

import difflib

import signatures


def test_what_callers_count_on_is_as_it_was():
    """Else the change belongs into CHANGELOG.md, and the new list into this commit."""
    there = signatures.FILE.read_text(encoding="utf-8").splitlines()
    changed = list(
        difflib.unified_diff(there, signatures.lines(), "noted", "now", lineterm="", n=0)
    )
    hint = "if it is meant: python tests/shared/signatures.py"
    assert not changed, "\n".join([hint, *changed])


def test_defaults_kinds_of_parameters_and_methods_are_in_it():
    noted = signatures.FILE.read_text(encoding="utf-8")
    assert (
        "minidiff.chain.schedule.linear_schedule(T=1000, beta_1=0.0001, beta_T=0.02, *, rescale=False)"
        in noted
    )
    assert "minidiff.chain.schedule.NoiseSchedule.snr\n" in noted
    assert "minidiff.chain.continuous.ContinuousSchedule.log_snr(self, t)" in noted
    assert (
        "minidiff.training.watch.HeldOutLoss(data, loss=simple_loss, *, every=500, batch=128"
        in noted
    )
    assert (
        "minidiff.chain.convert.x0_from_score refuses unless schedule: schedule, x_t: floats, "
        "score: like x_t, t: time of schedule, score_tells\n"
    ) in noted
    assert "0x" not in noted
