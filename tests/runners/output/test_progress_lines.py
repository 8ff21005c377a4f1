"""Which printed lines are points of a learning curve, and which are not."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_magic.budget import Budget
from autoresearch_magic.runners.output.progress_lines import LONGEST, ProgressLines, parse_line, reports_itself
from autoresearch_magic.runtime import LAST_STEP

SECONDS, STEPS = Budget(10.0, "seconds"), Budget(200, "steps")

GOOD = {
    "step 100 | loss 3.21": (None, 100, {"loss": 3.21}),
    "step 00953 (44.2%) | loss: 3.11 | lrm: 1.0 | dt: 98ms": (0.442, 953, {"loss": 3.11}),
    "step 00953 (44.2%) | loss: 3.110000 | lrm: 1.00 | dt: 98ms | tok/sec: 12,345 | mfu: 35.2% | epoch: 1 | remaining: "
    "160s    ": (0.442, 953, {"loss": 3.11}),
    "epoch 3/10 loss=0.42": (0.3, 3, {"loss": 0.42}),
    "iter 300: train loss 2.1, val loss 2.3": (None, 300, {"train_loss": 2.1, "val_loss": 2.3}),
    "iter 10: loss 3.2104, time 23.41ms, mfu 3.20%": (None, 10, {"loss": 3.2104}),
    "[12/100] loss: 0.5": (0.12, 12, {"loss": 0.5}),
    "Epoch [2/10], Step [30/100], Loss: 0.5123": (0.13, 30, {"Loss": 0.5123}),  # in the second epoch of ten
    "Epoch 3:  45%|████▌     | 45/100 [00:12<00:15,  3.51it/s, loss=0.42, v_num=0]": (None, 45, {"loss": 0.42}),
    " 45%|████▌     | 45/100 [00:12<00:15,  3.51it/s, loss=0.42]": (0.45, 45, {"loss": 0.42}),
    "12/100 [==>.......] - ETA: 3s - loss: 0.42 - accuracy: 0.81": (0.12, 12, {"loss": 0.42, "accuracy": 0.81}),
    "Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.297471": (None, 640, {"Loss": 2.297471}),  # of an epoch, of how many?
    "{'loss': 0.5, 'learning_rate': 1e-05, 'epoch': 0.3}": (None, 0, {"loss": 0.5}),
    "INFO:root:step 100 loss 3": (None, 100, {"loss": 3.0}),
    "2024-01-15 12:00:01,123 - trainer - INFO - iter 100/5000 - loss 2.5 - lr 1e-04": (0.02, 100, {"loss": 2.5}),
    "Epoch 5, train loss: 0.1, val_loss: 0.2, val_acc: 93.1%": (
        None, 5, {"train_loss": 0.1, "val_loss": 0.2, "val_acc": 93.1}),
    "step 1,000/20,000 | loss 2.5e-1": (0.05, 1000, {"loss": 0.25}),
    "global_step=40 train/loss=-0.3": (None, 40, {"train/loss": -0.3}),
    "step 3: loss: tensor(2.3, grad_fn=<NllLossBackward0>)": (None, 3, {"loss": 2.3}),
    "| epoch   1 |   200/ 2928 batches | lr 5.00 | ms/batch 12.3 | loss  8.12 | ppl  3345.63": (
        None, 200, {"loss": 8.12, "ppl": 3345.63}),
}  # fmt: skip

BAD = """
a plain sentence with the word loss
loss: 0.5
step 100
val_bpb: 0.99
val_loss:          0.997900
num_steps:         953
total_tokens_M:    499.6
The loss was 3.2 at step 100
At step 100 the loss was 3.21
best loss 3.1 at step 100
In step 3 we expect a loss of 2.5 nats
Step 2: computing the weight loss 5 times per epoch of training
Saved checkpoint of epoch 3 because val loss improved from 0.5 to 0.4
training loss is written to 3 files
step 5: see loss.py:12
step 3/10: no loss yet
epoch 3: glossary 4
2024/01/15 loss 3
step 7 | loss None
""".strip().splitlines()


@pytest.mark.parametrize("line", GOOD)
def test_progress_lines_are_read(line):
    progress = parse_line(line)
    assert progress is not None
    assert (progress.fraction, progress.step, dict(progress.values)) == (pytest.approx(GOOD[line][0]), *GOOD[line][1:])


@pytest.mark.parametrize("line", BAD)
def test_other_lines_are_ignored(line):
    assert parse_line(line) is None


def test_a_loss_that_is_not_a_number_is_a_point():
    assert math.isnan(parse_line("step 7 | loss: nan").values["loss"])
    assert parse_line("step 7 | loss: inf").values["loss"] == math.inf


@given(st.text(max_size=300))
def test_any_text_gives_no_error_and_fractions_from_0_to_1(text):
    progress = parse_line(f"step 3 {text}")
    assert progress is None or (progress.values and (progress.fraction is None or 0 <= progress.fraction <= 1))


def test_lines_may_be_cut_anywhere_and_end_in_carriage_returns():
    output = (
        b"\rstep 00010 (10.0%) | loss: 3.5\rstep 00020 (20.0%) | loss: 3.0\r\nval_bpb: 0.99\nstep 00030 (30.0%) | loss"
    )
    for cut in range(len(output)):
        lines = ProgressLines(SECONDS)
        points = [*lines.feed(output[:cut], 1.0), *lines.feed(output[cut:], 2.0)]
        assert [(p["step"], p["progress"], p["values"]) for p in points] == [
            (10, 0.1, {"loss": 3.5}), (20, 0.2, {"loss": 3.0}),
        ]  # fmt: skip


def test_without_a_printed_fraction_progress_is_computed_from_the_budget():
    (point,) = ProgressLines(SECONDS).feed(b"step 50 | loss 3\n", 2.5)
    assert point == {"elapsed": 2.5, "progress": 0.25, "step": 50, "values": {"loss": 3.0}}
    (point,) = ProgressLines(STEPS).feed(b"step 50 | loss 3\n", 2.0)
    assert point["progress"] == 0.25


def test_a_printed_fraction_that_decreases_is_of_an_epoch_and_not_used():
    lines = ProgressLines(SECONDS)
    shares = [
        lines.feed(b"[%d/10] loss: 1\n" % n, elapsed)[0]["progress"] for elapsed, n in ((1, 5), (2, 10), (3, 1), (4, 5))
    ]
    assert shares == [0.5, 1.0, 0.3, 0.4]


def test_the_clock_counts_for_more_than_a_printed_line():
    tick = {"elapsed": 1.5, "progress": 0.15, "step": 77}
    (point,) = ProgressLines(SECONDS).feed(b"epoch 9/10 loss 3\n", 4.0, tick)
    assert point == {"elapsed": 1.5, "progress": 0.15, "step": 9, "values": {"loss": 3.0}}


def test_the_cost_of_hostile_output_is_bounded():
    lines = ProgressLines(SECONDS)
    for data in (b"step 1 loss " * 100_000, b"step 1 | loss 2" + b"0" * LONGEST + b"\n", b"\xff\x00\n" * 1000):
        assert lines.feed(data, 0.1) == []
    assert lines.feed(b"x" * 10_000, 0.1) == []
    assert lines.feed(b"still the same line: step 1 | loss 2\nstep 2 | loss 2\n", 0.1)[0]["step"] == 2
    began = time.process_time()
    points = sum(len(lines.feed(b"step 1 | loss 2.0\n" * 3_000, 1.0)) for _ in range(200))
    assert points < 200
    assert time.process_time() - began < 5  # ten megabytes; not a performance claim: it does not read them all
    nasty = [b"a_" * 490 + b"loss", b"step 1 loss" + b" " * 900 + b"x", b"step 1 " + b"b.c/" * 230 + b" loss 3"]
    began = time.process_time()
    for line in nasty * 20:
        ProgressLines(SECONDS).feed(line + b"\n", 1.0)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("digits", [20, 400])
def test_positions_of_any_size_are_points(digits):
    many = "9" * digits
    for line in (f"step {many} loss: 2", f"epoch {many}/{many} loss 2", f"epoch 1/2 step {many}/{many} | loss: 1e999"):
        (point,) = ProgressLines(STEPS).feed(line.encode() + b"\n", 1.0)
        assert 0 <= point["step"] <= LAST_STEP


def test_calls_of_report_are_found():
    assert reports_itself("from autoresearch_magic import report\nfor i in range(3): report(step=i, loss=1)")
    assert reports_itself("import autoresearch_magic as am\nam.report(loss=1)")
    assert not reports_itself("from autoresearch_magic import report\nprint('report(loss=1)')")
    assert not reports_itself("this is not (python")
