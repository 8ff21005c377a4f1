"""A language model of bytes and its training: all of this may be changed. `train` is called by measure.py."""

import torch
import torch.nn.functional as F
from torch import nn

CONTEXT = 64  # 16 .. 128 step 16, bytes that are seen at once
WIDTH = 48  # 16 .. 160 step 16
LAYERS = 1  # 1 .. 4
KERNEL = 2  # 2 .. 8, bytes that one layer looks back
BATCH = 4  # one of: 2, 4, 8, 16, 32, 64
LR = 3e-4  # 1e-4 .. 3e-2 log
WARMDOWN = 0.0  # 0 .. 0.8, the last share of the time, in which the rate falls to zero
GATED = False  # multiply what a layer found by a gate


class Model(nn.Module):
    """Layers of convolutions that look back only: bytes (batch, time) to logits (batch, time, 256)."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(256, WIDTH)
        # each layer looks back further than the one before it
        self.reach = [KERNEL**n for n in range(LAYERS)]
        self.look = nn.ModuleList(nn.Conv1d(WIDTH, 2 * WIDTH, KERNEL, dilation=reach) for reach in self.reach)
        self.mix = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in self.reach)
        self.head = nn.Linear(WIDTH, 256)

    def forward(self, x):
        h = self.embed(x)
        for look, mix, reach in zip(self.look, self.mix, self.reach, strict=True):
            padded = F.pad(F.rms_norm(h, (WIDTH,)).transpose(1, 2), (reach * (KERNEL - 1), 0))
            found, gate = look(padded).transpose(1, 2).chunk(2, dim=-1)
            h = h + mix(F.gelu(found) * torch.sigmoid(gate) if GATED else F.gelu(found + gate))
        return self.head(F.rms_norm(h, (WIDTH,)))


def train(text, clock):
    """Train on a tensor of bytes until the clock's iteration ends; it yields the share of the time that is gone."""
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=0.0)
    for progress in clock:
        starts = torch.randint(len(text) - CONTEXT - 1, (BATCH, 1))
        window = text[starts + torch.arange(CONTEXT + 1)].long()
        loss = F.cross_entropy(model(window[:, :-1]).flatten(0, 1), window[:, 1:].flatten())
        optimizer.param_groups[0]["lr"] = LR * min(1.0, (1 - progress) / max(WARMDOWN, 1e-9))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model
