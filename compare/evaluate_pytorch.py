"""Loads a model.safetensors into the original program's VAE and gives PyTorch's test loss of it.

    python3 compare/evaluate_pytorch.py RUN_DIR/model.safetensors MNIST_DIR

Needs PyTorch alone. Prints the mean negative ELBO of the test images in nats, with one draw of z each.
"""

import gzip
import json
import pathlib
import sys

import torch
from torch import nn


class VAE(nn.Module):
    """The original program's model."""

    def __init__(self, input_dim, hidden_dim, latent_dim):
        super().__init__()
        self.fc1 = nn.Linear(input_dim, hidden_dim)
        self.fc_mu = nn.Linear(hidden_dim, latent_dim)
        self.fc_logvar = nn.Linear(hidden_dim, latent_dim)
        self.fc3 = nn.Linear(latent_dim, hidden_dim)
        self.fc4 = nn.Linear(hidden_dim, input_dim)

    def forward(self, x):
        h = torch.relu(self.fc1(x))
        mu, logvar = self.fc_mu(h), self.fc_logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.fc4(torch.relu(self.fc3(z)))), mu, logvar


def read_safetensors(path):
    """The float32 tensors of a safetensors file: eight bytes of header length, the header in JSON, the data."""
    raw = pathlib.Path(path).read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    data = bytearray(raw[8 + size :])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            values = torch.frombuffer(data[begin:end], dtype=torch.float32)
            tensors[name] = values.reshape(entry["shape"]).clone()
    return tensors


def read_test_images(directory):
    path = next(p for p in pathlib.Path(directory).iterdir() if p.name.startswith("t10k-images"))
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return torch.frombuffer(bytearray(raw[16:]), dtype=torch.uint8).reshape(-1, 784).float() / 255


def main():
    tensors = read_safetensors(sys.argv[1])
    hidden, inputs = tensors["fc1.weight"].shape
    model = VAE(inputs, hidden, tensors["fc_mu.weight"].shape[0])
    print(model.load_state_dict(tensors, strict=True))
    x = read_test_images(sys.argv[2])
    torch.manual_seed(0)
    with torch.no_grad():
        reconstruction, mu, logvar = model(x)
        bce = nn.functional.binary_cross_entropy(reconstruction, x, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    print(f"test loss {(bce + kl).item() / len(x):.4f} nats")


if __name__ == "__main__":
    main()
