import torch, math
from torch import nn, optim

HIDDEN_SIZE, NUM_LAYERS = 16, 1
SEQ_LEN = 20
LEARNING_RATE = 1e-2
NUM_EPOCHS = 6
BATCH_SIZE = 16
PRINT_EVERY = 2
PEAK_GB_PER_S = 900.0

torch.manual_seed(42)
wave = torch.sin(torch.arange(400) * 0.2) + 0.1 * torch.randn(400)
pairs = [(wave[i:i+SEQ_LEN], wave[i+SEQ_LEN]) for i in range(len(wave) - SEQ_LEN)]
train, test = pairs[:300], pairs[300:]

class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, HIDDEN_SIZE, NUM_LAYERS, batch_first=True)
        self.lin = nn.Linear(HIDDEN_SIZE, 1)
    def forward(self, x):
        return self.lin(self.gru(x.unsqueeze(-1))[0][:, -1]).squeeze(-1)

f = Forecaster(); opt = optim.RMSprop(f.parameters(), lr=LEARNING_RATE, alpha=0.95)
moved = 0
for e in range(NUM_EPOCHS):
    for i in range(0, len(train), BATCH_SIZE):
        xb = torch.stack([p[0] for p in train[i:i+BATCH_SIZE]]); yb = torch.stack([p[1] for p in train[i:i+BATCH_SIZE]])
        loss = ((f(xb) - yb) ** 2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
        moved += xb.numel() * 4
    if e % PRINT_EVERY == 0:
        print('epoch', e, 'train', loss.item())
bandwidth_use = moved / 1e9 / PEAK_GB_PER_S
with torch.no_grad():
    mse = ((f(torch.stack([p[0] for p in test])) - torch.stack([p[1] for p in test])) ** 2).mean().item()
print('test_mse:', mse)
print('bandwidth_use: %.8f' % bandwidth_use)
