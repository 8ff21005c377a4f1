"""
This training script trains a bigram language model; settings are plain globals, changed from the command line.
"""
import os
import time
import math
import torch
from torch.nn import functional as F
# -----------------------------------------------------------------------------
# default config values
# I/O
out_dir = 'out'
eval_interval = 20
log_interval = 10
eval_iters = 4
eval_only = False
always_save_checkpoint = False
init_from = 'scratch'
# wandb logging
wandb_log = False
wandb_project = 'owt'
# data
dataset = 'stdlib'
gradient_accumulation_steps = 2
batch_size = 32
# model
n_embd = 24
dropout = 0.0
# adamw optimizer
learning_rate = 6e-2
max_iters = 40
weight_decay = 1e-1
beta1 = 0.9
beta2 = 0.95
grad_clip = 1.0
# learning rate decay settings
decay_lr = True
warmup_iters = 5
lr_decay_iters = 40
min_lr = 6e-3
# system
device = 'cpu'
dtype = 'float32'
compile = False
# -----------------------------------------------------------------------------
torch.manual_seed(1337)
data = torch.tensor(list((math.__doc__ * 40).encode()), dtype=torch.long)
split = int(0.9 * len(data))
emb = torch.nn.Embedding(256, n_embd)
head = torch.nn.Linear(n_embd, 256)
drop = torch.nn.Dropout(dropout)
params = [*emb.parameters(), *head.parameters()]
optimizer = torch.optim.AdamW(params, lr=learning_rate, betas=(beta1, beta2), weight_decay=weight_decay)

def get_batch(which):
    d = data[:split] if which == 'train' else data[split:]
    ix = torch.randint(len(d) - 1, (batch_size,))
    return d[ix], d[ix + 1]

def get_lr(it):
    if it < warmup_iters:
        return learning_rate * (it + 1) / (warmup_iters + 1)
    ratio = (it - warmup_iters) / (lr_decay_iters - warmup_iters)
    return min_lr + 0.5 * (1.0 + math.cos(math.pi * min(1.0, ratio))) * (learning_rate - min_lr)

@torch.no_grad()
def estimate_loss():
    return sum(F.cross_entropy(head(emb(x)), y).item() for x, y in (get_batch('val') for _ in range(eval_iters))) / eval_iters

for it in range(max_iters):
    for group in optimizer.param_groups:
        group['lr'] = get_lr(it) if decay_lr else learning_rate
    for micro_step in range(gradient_accumulation_steps):
        x, y = get_batch('train')
        loss = F.cross_entropy(head(drop(emb(x))), y) / gradient_accumulation_steps
        loss.backward()
    if grad_clip != 0.0:
        torch.nn.utils.clip_grad_norm_(params, grad_clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    if it % log_interval == 0:
        print(f"iter {it}: loss {loss.item() * gradient_accumulation_steps:.4f}")
drop.eval()
print(f"val loss {estimate_loss():.4f}")
