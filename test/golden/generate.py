"""Writes golden.json: what PyTorch computes, for golden.test.ts and the model's own tests to compare with.

    /usr/bin/python3 test/golden/generate.py        (Debian: apt install python3-torch; made with torch 1.13)

The tests read golden.json alone and need no Python. Run this again only to change the cases; the numbers of another
version of PyTorch may differ in float32's last digits.

Inputs are integers over a scale, so that the file is short and every reader gets the very same float32: weights over
10000, noise over 1000, rows over 255 (bytes of an image) or 1000. Each case is run twice from the same float32 inputs:

- in float32, which gives the gradients of the first step, the losses of every step and the weights after the last;
- in float64, which gives the losses again, near enough to exact to test a float64 implementation to 1e-10.

A float32 number is written with the fewest digits that give it back, a float64 number with all of its digits.
"""

import json
import math
import pathlib

import numpy
import torch
from torch import nn
from torch.nn import functional

WEIGHT_SCALE = 10000
NOISE_SCALE = 1000
STEPS = 10

CASES = [
    dict(name="odd sizes", inputDim=20, hidden=[12], latentDim=3, batchSize=7,
         activation="relu", likelihood="bernoulli", lr=1e-2),
    dict(name="deeper, tanh, gaussian", inputDim=10, hidden=[9, 6], latentDim=2, batchSize=5,
         activation="tanh", likelihood="gaussian", lr=1e-2),
    dict(name="multiples of 16", inputDim=48, hidden=[32], latentDim=16, batchSize=16,
         activation="relu", likelihood="bernoulli", lr=1e-3),
]


class Vae(nn.Module):
    """One hidden layer has the original program's layer names, other depths count encoder.0, …, decoder.0, …."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.activation = {"relu": torch.relu, "tanh": torch.tanh}[config["activation"]]
        sizes = [config["inputDim"], *config["hidden"]]
        encoder = [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]
        heads = [nn.Linear(sizes[-1], config["latentDim"]) for _ in range(2)]
        sizes = [config["latentDim"], *reversed(config["hidden"]), config["inputDim"]]
        decoder = [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]
        # The order of registration is the order of the state dict.
        if len(config["hidden"]) == 1:
            (self.fc1,) = encoder
        else:
            self.encoder = nn.ModuleList(encoder)
        self.fc_mu, self.fc_logvar = heads
        if len(config["hidden"]) == 1:
            self.fc3, self.fc4 = decoder
        else:
            self.decoder = nn.ModuleList(decoder)
        # In a tuple nn.Module does not look for submodules, so these are not registered a second time.
        self.layers = (encoder, decoder)

    def forward(self, x, eps):
        encoder, decoder = self.layers
        h = x
        for layer in encoder:
            h = self.activation(layer(h))
        mu, logvar = self.fc_mu(h), self.fc_logvar(h)
        h = mu + eps * torch.exp(0.5 * logvar)
        for layer in decoder[:-1]:
            h = self.activation(layer(h))
        return decoder[-1](h), mu, logvar


def loss_parts(config, output, x, mu, logvar):
    """Sums over the batch. Bernoulli is the original program's: a sigmoid, then the cross-entropy."""
    if config["likelihood"] == "bernoulli":
        reconstruction = functional.binary_cross_entropy(torch.sigmoid(output), x, reduction="sum")
    else:
        reconstruction = 0.5 * functional.mse_loss(output, x, reduction="sum")
    return reconstruction, -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def from_integers(integers, scale):
    """The float32 nearest to integer / scale."""
    return (integers.double() / scale).float()


def numbers(tensor):
    """A float32 tensor as a flat list that prints as the shortest decimals that give the same float32 back."""
    return [float(str(value)) for value in tensor.detach().numpy().astype(numpy.float32).ravel()]


def inputs(config):
    """Integers: weights as nn.Linear draws them, rounded; rows of every step; noise of every step."""
    weights = {name: torch.round(value * WEIGHT_SCALE) for name, value in Vae(config).state_dict().items()}
    rows, dim, latent = config["batchSize"], config["inputDim"], config["latentDim"]
    if config["likelihood"] == "bernoulli":
        # Mostly the background of an image, some of it fully lit.
        scale = 255
        x = torch.clamp(torch.round(torch.randn(STEPS, rows, dim) * 200), 0, 255)
    else:
        scale = 1000
        x = torch.round(torch.randn(STEPS, rows, dim) * scale)
    eps = torch.round(torch.randn(STEPS, rows, latent) * NOISE_SCALE)
    return weights, x, scale, eps


def train(config, weights, x, eps, dtype):
    """Ten steps of Adam on the sum of the loss, as the original program takes them."""
    model = Vae(config).to(dtype)
    model.load_state_dict(weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"])
    losses, gradients = [], None
    for step in range(STEPS):
        optimizer.zero_grad()
        batch = x[step].to(dtype)
        output, mu, logvar = model(batch, eps[step].to(dtype))
        reconstruction, kl = loss_parts(config, output, batch, mu, logvar)
        loss = reconstruction + kl
        loss.backward()
        if gradients is None:
            gradients = {name: value.grad.clone() for name, value in model.named_parameters()}
        losses.append([loss.item(), reconstruction.item(), kl.item()])
        optimizer.step()
    return losses, gradients, model.state_dict()


def integers(tensor):
    return [int(value) for value in tensor.ravel()]


def make_case(config):
    weights, x, x_scale, eps = inputs(config)
    initial = {name: from_integers(value, WEIGHT_SCALE) for name, value in weights.items()}
    rows, noise = from_integers(x, x_scale), from_integers(eps, NOISE_SCALE)
    losses32, gradients, final = train(config, initial, rows, noise, torch.float32)
    losses64, _, _ = train(config, initial, rows, noise, torch.float64)
    return {
        **config,
        "shapes": {name: list(value.shape) for name, value in weights.items()},
        "xScale": x_scale,
        "x": [integers(step) for step in x],
        "epsScale": NOISE_SCALE,
        "eps": [integers(step) for step in eps],
        "weightScale": WEIGHT_SCALE,
        "initial": {name: integers(value) for name, value in weights.items()},
        "gradients": {name: numbers(value) for name, value in gradients.items()},
        "losses32": losses32,
        "losses64": losses64,
        "final": {name: numbers(value) for name, value in final.items()},
    }


def make_bounds(fan_in):
    """What nn.Linear starts with: the extremes and the variance of a layer of many draws, over its 1/sqrt(fan_in).

    nn.Linear.reset_parameters calls init.kaiming_uniform_(weight, a=sqrt(5)), whose bound is
    sqrt(2 / (1 + a²)) · sqrt(3 / fan_in) = 1/sqrt(fan_in), and draws the bias from the same interval.
    """
    layer = nn.Linear(fan_in, max(20000, 200000 // fan_in))
    measured = {}
    for name, value in (("weight", layer.weight), ("bias", layer.bias)):
        scaled = value.detach().double() * math.sqrt(fan_in)
        measured[name] = [scaled.min().item(), scaled.max().item(), scaled.var(unbiased=False).item()]
    return {"fanIn": fan_in, **measured}


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    golden = {
        "torch": torch.__version__,
        "cases": [make_case(config) for config in CASES],
        "linearInit": [make_bounds(fan_in) for fan_in in (1, 2, 400, 784)],
    }
    path = pathlib.Path(__file__).with_name("golden.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{path}: {path.stat().st_size} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    main()
