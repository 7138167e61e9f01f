"""The original program's training as fast as PyTorch does it on a CPU: all images as one tensor, batches by indexing.

    OMP_NUM_THREADS=2 OMP_WAIT_POLICY=active python3 fast.py MNIST_DIR [--threads 2] [--epochs 3] [--device cpu]

Prints one line of JSON: versions, and seconds and training loss of each epoch (nats per image).
"""

import argparse
import gzip
import json
import pathlib
import time

import torch
from torch import nn
from torch.nn import functional


class Vae(nn.Module):
    """784-400-latent-400-784, with linear outputs where the original has a sigmoid."""

    def __init__(self, inputs, hidden, latent):
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden)
        self.fc_mu = nn.Linear(hidden, latent)
        self.fc_logvar = nn.Linear(hidden, latent)
        self.fc3 = nn.Linear(latent, hidden)
        self.fc4 = nn.Linear(hidden, inputs)

    def forward(self, x):
        h = torch.relu(self.fc1(x))
        mu, logvar = self.fc_mu(h), self.fc_logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.fc4(torch.relu(self.fc3(z))), mu, logvar


def read_images(directory, dense):
    """The training images as [count, 784] float32 in [0, 1]; `dense` gives noise of the same size instead."""
    path = next(pathlib.Path(directory).glob("train-images*"))
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    images = torch.frombuffer(bytearray(raw[16:]), dtype=torch.uint8).view(-1, 784)
    if dense:
        images = torch.randint(1, 256, images.shape, dtype=torch.uint8)
    return images.float().div_(255)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dense", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    images = read_images(options.directory, options.dense).to(options.device)
    model = Vae(784, 400, 2).to(options.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    epochs = []
    for _ in range(options.epochs):
        total = 0.0
        start = time.perf_counter()
        order = torch.randperm(len(images), device=options.device)
        for rows in order.split(128):
            x = images[rows]
            optimizer.zero_grad(set_to_none=True)
            logits, mu, logvar = model(x)
            reconstruction = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
            kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            loss = reconstruction + kl
            loss.backward()
            optimizer.step()
            total += loss.item()
        epochs.append({"seconds": time.perf_counter() - start, "loss": total / len(images)})
    print(json.dumps({"program": "PyTorch, fast", "version": torch.__version__, "threads": options.threads, "epochs": epochs}))


if __name__ == "__main__":
    main()
