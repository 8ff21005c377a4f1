"""Train for a few seconds and print the bits per byte on text that was not seen. Frozen: no experiment may change it.

With --check nothing is trained: it is seen that the model looks at no byte that is still to come.
"""

import math
import os
import sys
import sysconfig
import time
from pathlib import Path

import torch
import torch.nn.functional as F
import train

SECONDS = 4.0  # of training
WINDOW, WINDOWS = 128, 64  # of the text that is scored
MODULES = ("argparse", "ast", "calendar", "configparser", "csv", "dataclasses", "datetime", "difflib", "doctest", "enum",
           "functools", "heapq", "inspect", "locale", "pathlib", "pdb", "pickle", "random", "shutil", "statistics",
           "subprocess", "tarfile", "textwrap", "threading", "traceback", "typing", "zipfile")  # fmt: skip
UNSEEN = ("difflib", "pickle", "shutil", "textwrap")


def corpus(modules):
    """Return the source of some of Python's own modules, as a tensor of bytes."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    found = [path.read_bytes() for name in modules if (path := folder / f"{name}.py").is_file()]
    return torch.frombuffer(bytearray(b"\n".join(found)), dtype=torch.uint8)


def clock(seconds=SECONDS):
    """Yield the share of the time that is gone, until it has gone."""
    start = time.perf_counter()
    while (gone := (time.perf_counter() - start) / seconds) < 1:
        yield gone


@torch.no_grad()
def bits_per_byte(model, text):
    """Score a model on windows that are always the same; only bytes from the middle on count, so all have context."""
    model.eval()
    starts = torch.linspace(0, len(text) - WINDOW - 1, WINDOWS).long()[:, None]
    window = text[starts + torch.arange(WINDOW + 1)].long()
    logits = model(window[:, :-1])[:, WINDOW // 2 :]
    wanted = window[:, 1:][:, WINDOW // 2 :]
    return F.cross_entropy(logits.flatten(0, 1), wanted.flatten()).item() / math.log(2)


@torch.no_grad()
def check():
    """End with an error when a prediction changes with what comes after it, or the output has a wrong shape."""
    model = train.Model().eval()
    x = torch.randint(256, (2, WINDOW))
    y = x.clone()
    y[:, 80:] = torch.randint(256, (2, WINDOW - 80))
    before, after = model(x), model(y)
    if before.shape != (2, WINDOW, 256):
        sys.exit(f"logits must be (batch, time, 256), not {tuple(before.shape)}")
    if not torch.allclose(before[:, :80], after[:, :80], atol=1e-4):
        sys.exit("the model looks at bytes that are still to come")
    print("the model looks back only")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(int(os.environ.get("AUTORESEARCH_SEED", "0")))
    if sys.argv[1:] == ["--check"]:
        return check()
    model = train.train(corpus([name for name in MODULES if name not in UNSEEN]), clock())
    print(f"parameters: {sum(p.numel() for p in model.parameters())}")
    print(f"val_bpb: {bits_per_byte(model, corpus(UNSEEN)):.4f}")
    return None


if __name__ == "__main__":
    main()
