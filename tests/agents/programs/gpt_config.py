"""
A minimal character-level transformer, single file.
"""
import time
from dataclasses import dataclass
import torch
import torch.nn as nn
from torch.nn import functional as F

@dataclass
class GPTConfig:
    block_size: int = 32
    vocab_size: int = 128
    n_layer: int = 2
    n_head: int = 4
    n_embd: int = 32
    dropout: float = 0.0
    bias: bool = False

class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.ln1 = nn.LayerNorm(c.n_embd, bias=c.bias)
        self.attn = nn.MultiheadAttention(c.n_embd, c.n_head, dropout=c.dropout, batch_first=True)
        self.ln2 = nn.LayerNorm(c.n_embd)
        self.mlp = nn.Sequential(nn.Linear(c.n_embd, 4 * c.n_embd), nn.GELU(), nn.Linear(4 * c.n_embd, c.n_embd))

    def forward(self, x, mask):
        h = self.ln1(x)
        x = x + self.attn(h, h, h, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.ln2(x))

class GPT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.wte = nn.Embedding(c.vocab_size, c.n_embd)
        self.wpe = nn.Embedding(c.block_size, c.n_embd)
        self.blocks = nn.ModuleList([Block(c) for _ in range(c.n_layer)])
        self.head = nn.Linear(c.n_embd, c.vocab_size, bias=False)
        self.apply(self._init)

    def _init(self, m):
        if isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, mean=0.0, std=0.02)

    def estimate_mfu(self, tokens, dt):
        flops_promised = 312e12  # A100 bfloat16 peak
        flops_achieved = 6 * sum(p.numel() for p in self.parameters()) * tokens / dt
        mfu = flops_achieved / flops_promised
        return mfu

    def forward(self, idx, targets):
        T = idx.size(1)
        x = self.wte(idx) + self.wpe(torch.arange(T))
        mask = torch.triu(torch.full((T, T), float("-inf")), 1)
        for b in self.blocks:
            x = b(x, mask)
        return F.cross_entropy(self.head(x).flatten(0, 1), targets.flatten())

learning_rate = 3e-3
max_iters = 8
batch_size = 8
weight_decay = 0.1
beta1, beta2 = 0.9, 0.95
grad_clip = 1.0
warmup_iters = 2
eval_interval = 4
eval_iters = 3
log_interval = 2

torch.manual_seed(1337)
text = ("the quick brown fox jumps over the lazy dog. " * 200)
data = torch.tensor([min(ord(ch), 127) for ch in text])
cfg = GPTConfig()
model = GPT(cfg)
opt = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(beta1, beta2), weight_decay=weight_decay, eps=1e-8)

def batch():
    ix = torch.randint(len(data) - cfg.block_size - 1, (batch_size,))
    return (torch.stack([data[i:i + cfg.block_size] for i in ix]), torch.stack([data[i + 1:i + 1 + cfg.block_size] for i in ix]))

t0 = time.time()
running_mfu = -1.0
for it in range(max_iters):
    for g in opt.param_groups:
        g["lr"] = learning_rate * min(1.0, (it + 1) / warmup_iters)
    loss = model(*batch())
    opt.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), grad_clip)
    opt.step()
    dt = time.time() - t0 + 1e-9
    t0 = time.time()
    if it % log_interval == 0:
        mfu = model.estimate_mfu(batch_size * cfg.block_size, dt)
        running_mfu = mfu if running_mfu == -1.0 else 0.9 * running_mfu + 0.1 * mfu
        print(f"iter {it}: loss {loss.item():.4f}, time {dt*1000:.2f}ms, mfu {running_mfu*100:.2f}%")
model.eval()
with torch.no_grad():
    val = sum(model(*batch()).item() for _ in range(eval_iters)) / eval_iters
print(f"val_loss: {val:.6f}")
