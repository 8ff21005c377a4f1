import json

import numpy as np
import pytest

from autoresearch_magic.experiment import MOST_NUMBERS
from autoresearch_magic.runners.output.all_numbers import flat_numbers, printed_numbers

# The last lines of what training programs and tools print.
OUTPUTS = {
    "nanochat": ("step 00952 (99.9%) | loss: 2.531211 | tok/sec: 1,689,000\n---\nval_bpb:          0.997900\npeak_vram_mb: 45060.2\n",
                 {"loss": 2.531211, "tok/sec": 1689000, "val_bpb": 0.9979, "peak_vram_mb": 45060.2}),
    "nanoGPT": ("step 500: train loss 2.1, val loss 2.3\niter 500: loss 2.34, time 1203.12ms, mfu 12.31%\n",
                {"train_loss": 2.1, "val_loss": 2.3, "loss": 2.34}),
    "HF Trainer": ("{'eval_loss': 0.4, 'eval_accuracy': 0.91, 'epoch': 1.0}\n{'train_runtime': 12.3, 'train_loss': 0.45}\n",
                   {"eval_loss": 0.4, "eval_accuracy": 0.91, "epoch": 1, "train_runtime": 12.3, "train_loss": 0.45}),
    "Lightning": ("Epoch 9: 100%|##| 100/100 [00:01<00:00, 71.2it/s, v_num=3, train_loss=0.12, val_loss=0.34]\n",
                  {"v_num": 3, "train_loss": 0.12, "val_loss": 0.34}),
    "Keras": ("1875/1875 [=====] - 3s 2ms/step - loss: 0.0431 - accuracy: 0.9862\n", {"loss": 0.0431, "accuracy": 0.9862}),
    "XGBoost": ("[99]\ttrain-rmse:0.12345\teval-rmse:0.23456\n", {"train-rmse": 0.12345, "eval-rmse": 0.23456}),
    "LightGBM": ("[100]\tvalid_0's l2: 0.123\tvalid_0's auc: 0.91\n", {"valid_0's l2": 0.123, "valid_0's auc": 0.91}),
    "an evaluator": (json.dumps({"combined_score": 0.9, "correct": False, "public": {"n": 26, "name": "x"}, "t": [1, 2]}),
                     {"combined_score": 0.9, "correct": 0, "public.n": 26}),
    "JSON lines": ('{"step": 1, "loss": 0.9}\n{"step": 2, "loss": 0.5}\ndone\n', {"step": 2, "loss": 0.5}),
    "wrk": ("Requests/sec: 748868.53\nTransfer/sec:    606.33MB\n", {"Requests/sec": 748868.53, "Transfer/sec": 606330000}),
    "/usr/bin/time": ("\tMaximum resident set size (kbytes): 12345\n", {"Maximum resident set size (kbytes)": 12345}),
    "a log": ("2024-01-02 12:30:01 INFO score: 0.5\nMETRIC a=1 b=2\nname: x1\n", {"score": 0.5, "a": 1, "b": 2}),
    "what has two readings": ("a: 1,5\nb: 12k\nc: nan\n", {}),
}  # fmt: skip


@pytest.mark.parametrize(("output", "numbers"), OUTPUTS.values(), ids=OUTPUTS)
def test_the_numbers_of_an_output(output, numbers):
    assert printed_numbers(output) == numbers


def test_the_metric_itself_is_left_out():
    assert printed_numbers("val_bpb: 1\nloss: 2\n", "Val-BPB") == {"loss": 2.0}


def test_numbers_are_bounded_and_the_last_ones_stay():
    many = "".join(f"n{n}: {n}\n" for n in range(500))
    assert list(printed_numbers(many)) == [f"n{n}" for n in range(500 - MOST_NUMBERS, 500)]
    document = json.dumps({"first": 1, "deep": {f"n{n}": n for n in range(500)}, "last": 2})
    found = printed_numbers(document)
    assert len(found) == MOST_NUMBERS
    assert list(found)[:2] == ["first", "last"]  # the outer ones come first
    assert printed_numbers(f"{'x' * 200}: 3\n") == {}


def test_results_of_python_are_flat():
    value = {
        "a": np.float32(0.5),
        "b": np.arange(3),
        "c": {"d": True},
        "e": [{"f": 1}],
        "g": float("inf"),
        "h": "text",
        5: 6,
    }
    assert flat_numbers(value) == {"a": 0.5, "c.d": 1.0, "e[0].f": 1.0, "5": 6.0}
    assert flat_numbers(3.0) == {}


@pytest.mark.slow
def test_a_long_output_is_searched_at_its_end_alone():
    """Anything slower than linear would run into the time limit of a test."""
    output = "first: 1\n" + "step 5 loss: 0.3 acc: 0.4 {x [1/2]\n" * 100_000
    assert printed_numbers(output) == {"loss": 0.3, "acc": 0.4}


def test_the_quotes_around_a_name_within_a_line_are_not_part_of_it():
    line = "Model config: {'n_layer': 2, 'n_head': 4}, see above"
    assert set(printed_numbers(line, "loss")) == {"n_layer", "n_head"}
