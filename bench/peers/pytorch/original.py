"""The original program as written: torchvision's loader, a sigmoid and binary cross-entropy; only the clock is new.

    python3 original.py MNIST_DIR [--threads 2] [--epochs 2] [--seed 0] [--latent 2] [--test]

MNIST_DIR holds the IDX files, gzipped or not. Prints one line of JSON: versions, and seconds and training loss of each
epoch (nats per image), with --test also the test loss at the end. Where torchvision is missing, a dataset of our own does per image what its MNIST does: an image
out of the array, to a tensor of floats in [0, 1], flattened.
"""

import argparse
import gzip
import json
import pathlib
import tempfile
import time

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset

try:
    import torchvision
    from torchvision import datasets, transforms
except ImportError:
    torchvision = None

input_dim = 28 * 28
hidden_dim = 400
batch_size = 128
lr = 1e-3


def read(directory, name):
    path = next(pathlib.Path(directory).glob(f"{name}*"))
    raw = path.read_bytes()
    return gzip.decompress(raw) if path.suffix == ".gz" else raw


class PlainMnist(Dataset):
    """What torchvision's MNIST with ToTensor and view(-1) does to an image, without its detour over PIL."""

    def __init__(self, directory, split):
        images = read(directory, f"{split}-images")
        self.data = torch.frombuffer(bytearray(images[16:]), dtype=torch.uint8).view(-1, 28, 28)
        labels = read(directory, f"{split}-labels")
        self.targets = torch.frombuffer(bytearray(labels[8:]), dtype=torch.uint8).long()

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.data[index].float().div(255).view(1, 28, 28).view(-1), int(self.targets[index])


def open_dataset(directory, train=True):
    """torchvision's MNIST from a folder laid out as it wants it."""
    if torchvision is None:
        return PlainMnist(directory, "train" if train else "t10k")
    root = pathlib.Path(tempfile.mkdtemp())
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split in ["train", "t10k"]:
        for kind in ["images-idx3-ubyte", "labels-idx1-ubyte"]:
            (raw / f"{split}-{kind}").write_bytes(read(directory, f"{split}-{kind.split('-')[0]}"))
    transform = transforms.Compose([transforms.ToTensor(), transforms.Lambda(lambda x: x.view(-1))])
    return datasets.MNIST(root=root, train=train, transform=transform, download=False)


class VAE(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()
        self.fc1 = nn.Linear(input_dim, hidden_dim)
        self.fc_mu = nn.Linear(hidden_dim, latent_dim)
        self.fc_logvar = nn.Linear(hidden_dim, latent_dim)
        self.fc3 = nn.Linear(latent_dim, hidden_dim)
        self.fc4 = nn.Linear(hidden_dim, input_dim)

    def encode(self, x):
        h = torch.relu(self.fc1(x))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(torch.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    bce = nn.functional.binary_cross_entropy(recon_x, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


def evaluate(model, dataset):
    model.eval()
    total = 0
    with torch.no_grad():
        for data, _ in DataLoader(dataset, batch_size=batch_size):
            recon_batch, mu, logvar = model(data)
            total += loss_function(recon_batch, data, mu, logvar).item()
    return total / len(dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latent", type=int, default=2)
    parser.add_argument("--test", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    train_loader = DataLoader(open_dataset(options.directory), batch_size=batch_size, shuffle=True)
    model = VAE(options.latent)
    optimizer = optim.Adam(model.parameters(), lr=lr)
    epochs = []
    for _ in range(options.epochs):
        start = time.perf_counter()
        model.train()
        train_loss = 0
        for data, _ in train_loader:
            optimizer.zero_grad()
            recon_batch, mu, logvar = model(data)
            loss = loss_function(recon_batch, data, mu, logvar)
            loss.backward()
            train_loss += loss.item()
            optimizer.step()
        epochs.append({"seconds": time.perf_counter() - start, "loss": train_loss / len(train_loader.dataset)})
    loader = f"torchvision {torchvision.__version__}" if torchvision else "a loader of our own"
    version = f"{torch.__version__}, {loader}"
    result = {"program": "PyTorch, original program", "version": version, "threads": options.threads, "epochs": epochs}
    if options.test:
        result["testLoss"] = evaluate(model, open_dataset(options.directory, train=False))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
