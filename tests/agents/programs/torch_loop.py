import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

xs = torch.rand(800, 2) * 2 - 1
ys = ((xs ** 2).sum(1) < 0.5).long()
train_dl = DataLoader(TensorDataset(xs[:600], ys[:600]), batch_size=50, shuffle=True, num_workers=0)
valid_dl = DataLoader(TensorDataset(xs[600:], ys[600:]), batch_size=200)

class Mlp(nn.Module):
    def __init__(self, width=32, p_drop=0.2):
        super().__init__()
        self.fc1 = nn.Linear(2, width)
        self.fc2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 2)
        self.drop = nn.Dropout(p=p_drop)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = self.drop(F.leaky_relu(self.fc2(x), negative_slope=0.1))
        return self.out(x)

net = Mlp()
opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.01, betas=(0.9, 0.95), eps=1e-8)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=5)

for epoch in range(5):
    net.train()
    for xb, yb in train_dl:
        loss = F.cross_entropy(net(xb), yb, label_smoothing=0.05)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
    sched.step()
net.eval()
with torch.no_grad():
    val = sum(F.cross_entropy(net(xb), yb, reduction="sum").item() for xb, yb in valid_dl) / 200
print(f"val_loss={val:.5f}")
