from types import SimpleNamespace
import torch, torch.nn as nn

hparams = SimpleNamespace(
    latent_dim=4,
    g_lr=1e-3, d_lr=2e-3,
    beta1=0.5,
    n_critic=2,
    minibatch=64,
    total_steps=40,
    hidden_units=16,
    leak=0.2,
    log_every=20,
    run_seed=5,
)

torch.manual_seed(hparams.run_seed)
real = lambda n: torch.randn(n, 1) * 0.5 + 2.0

def mlp(i, o):
    return nn.Sequential(nn.Linear(i, hparams.hidden_units), nn.LeakyReLU(hparams.leak), nn.Linear(hparams.hidden_units, o))

G, D = mlp(hparams.latent_dim, 1), mlp(1, 1)
optG = torch.optim.Adam(G.parameters(), lr=hparams.g_lr, betas=(hparams.beta1, 0.999))
optD = torch.optim.Adam(D.parameters(), lr=hparams.d_lr, betas=(hparams.beta1, 0.999))
bce = nn.BCEWithLogitsLoss()

for step in range(hparams.total_steps):
    for _ in range(hparams.n_critic):
        z = torch.randn(hparams.minibatch, hparams.latent_dim)
        d_loss = bce(D(real(hparams.minibatch)), torch.ones(hparams.minibatch, 1) * 0.9) + bce(D(G(z).detach()), torch.zeros(hparams.minibatch, 1))
        optD.zero_grad(); d_loss.backward(); optD.step()
    g_loss = bce(D(G(torch.randn(hparams.minibatch, hparams.latent_dim))), torch.ones(hparams.minibatch, 1))
    optG.zero_grad(); g_loss.backward(); optG.step()
    if step % hparams.log_every == 0:
        print("step", step, "d", d_loss.item(), "g", g_loss.item())

with torch.no_grad():
    fake = G(torch.randn(2000, hparams.latent_dim))
print("moment_gap:", abs(fake.mean().item() - 2.0) + abs(fake.std().item() - 0.5))
