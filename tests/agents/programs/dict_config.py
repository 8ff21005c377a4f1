import torch

config = {
    "lr": 0.05,
    "momentum": 0.9,
    "batch": 64,
    "epochs": 4,
    "hidden": 24,
    "seed": 0,
    "log_dir": "runs/",
    "save": False,
    "n_classes": 3,
}

torch.manual_seed(config["seed"])
X = torch.randn(600, 4)
Y = (X[:, 0] > 0).long() + (X[:, 1] > 0.5).long()

model = torch.nn.Sequential(
    torch.nn.Linear(4, config["hidden"]),
    torch.nn.Tanh(),
    torch.nn.Linear(config["hidden"], config["n_classes"]),
)
optimizer = torch.optim.SGD(model.parameters(), lr=config["lr"], momentum=config["momentum"])

for epoch in range(config["epochs"]):
    for i in range(0, 480, config["batch"]):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(X[i:i+config["batch"]]), Y[i:i+config["batch"]]).backward()
        optimizer.step()

acc = (model(X[480:]).argmax(1) == Y[480:]).float().mean().item()
print({"accuracy": acc, "epochs": config["epochs"]})
