import json, sys
import torch as th
from torch import nn

HPARAMS = json.loads('{"note": "kept for later"}')
OPTIONS = {'bottleneck': 3, 'noise_std': 0.1, 'optim': {'lr': 0.004, 'weight_decay': 1e-5}, 'n_steps': 60, 'batch': 40,
           'print_every': 30, 'eval_rows': 200, 'columns': 10, 'torch_seed': 2}

th.manual_seed(OPTIONS['torch_seed'])
basis = th.randn(3, OPTIONS['columns'])
X = th.tanh(th.randn(800, 3) @ basis)

class AE(nn.Module):
    def __init__(self, k, mid=14, slope=0.05):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(OPTIONS['columns'], mid), nn.LeakyReLU(slope), nn.Linear(mid, k))
        self.dec = nn.Sequential(nn.Linear(k, mid), nn.LeakyReLU(slope), nn.Linear(mid, OPTIONS['columns']))
    def forward(self, x):
        return self.dec(self.enc(x))

ae = AE(OPTIONS['bottleneck'])
opt = th.optim.Adam(ae.parameters(), **OPTIONS['optim'])
for i in range(OPTIONS['n_steps']):
    x = X[th.randint(0, 600, (OPTIONS['batch'],))]
    loss = ((ae(x + OPTIONS['noise_std'] * th.randn_like(x)) - x) ** 2).mean()
    opt.zero_grad(); loss.backward(); opt.step()
    if i % OPTIONS['print_every'] == 0:
        print(i, float(loss), file=sys.stderr)
with th.no_grad():
    test = ((ae(X[-OPTIONS['eval_rows']:]) - X[-OPTIONS['eval_rows']:]) ** 2).mean()
print("reconstruction_error", float(test))
