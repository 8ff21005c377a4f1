from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import nn


@dataclass
class TrainConfig:
    learning_rate: float = 1e-2
    batch_size: int = 32
    hidden: int = 32
    dropout: float = 0.1
    epochs: int = 3
    betas: tuple[float, float] = (0.9, 0.999)
    seed: int = 1234
    device: str = "cpu"
    num_workers: int = 0
    log_every: int = 50
    val_fraction: float = 0.2
    run_name: str = "baseline"


class Net(nn.Module):
    def __init__(self, cfg: TrainConfig):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(8, cfg.hidden), nn.ReLU(), nn.Dropout(cfg.dropout), nn.Linear(cfg.hidden, 1)
        )

    def forward(self, x):
        return self.body(x).squeeze(-1)


def run(cfg: TrainConfig) -> float:
    torch.manual_seed(cfg.seed)
    x = torch.randn(500, 8)
    y = torch.sin(x[:, 0]) + 0.5 * x[:, 1]
    cut = int(len(x) * (1 - cfg.val_fraction))
    net = Net(cfg)
    opt = torch.optim.Adam(net.parameters(), lr=cfg.learning_rate, betas=cfg.betas)
    for epoch in range(cfg.epochs):
        for i in range(0, cut, cfg.batch_size):
            loss = nn.functional.mse_loss(net(x[i : i + cfg.batch_size]), y[i : i + cfg.batch_size])
            opt.zero_grad()
            loss.backward()
            opt.step()
    net.eval()
    with torch.no_grad():
        return nn.functional.mse_loss(net(x[cut:]), y[cut:]).item()


if __name__ == "__main__":
    print("val_mse:", run(TrainConfig()))
