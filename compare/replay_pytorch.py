"""Replays a trace of Elbow's training in PyTorch and says how far the two are apart, and how fast each is.

    elbow trace -o trace.safetensors
    python3 compare/replay_pytorch.py trace.safetensors [--device cuda]

The same initial weights, batches and noise; the losses, gradients (by autograd) and updates (torch.optim.Adam) are
PyTorch's own. Needs PyTorch alone. Ends with 1 where the difference is larger than is allowed, 2 where it cannot run.
compare/README.md has the format of the file.
"""

import argparse
import gzip
import hashlib
import json
import math
import pathlib
import platform
import statistics
import sys
import time

import torch
from torch import nn

DTYPES = {"F64": torch.float64, "F32": torch.float32, "I32": torch.int32, "U8": torch.uint8}
FORMAT_VERSIONS = ("1", "2")
TIMED_PASSES = 3
# A pass over a short trace is repeated until this many steps are timed.
TIMED_STEPS = 100


class Unusable(Exception):
    """A file is not what is needed; the message says what was expected and what was found."""


def printable(text):
    """Text of a file for a terminal: what would steer it is escaped."""
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in text)


def read_safetensors(path):
    """Tensors and metadata: eight bytes of header length, the header in JSON, the data."""
    try:
        raw = pathlib.Path(path).read_bytes()
        size = int.from_bytes(raw[:8], "little")
        header = json.loads(raw[8 : 8 + size])
        metadata = header.pop("__metadata__", {})
        tensors = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            data = bytearray(raw[8 + size + begin : 8 + size + end])
            if len(data) != end - begin:
                raise Unusable(f"{path}: expected {8 + size + end} bytes or more, found {len(raw)}; it is cut off")
            tensors[name] = torch.frombuffer(data, dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"{path}: expected a trace in the safetensors format, found something else") from error
    if metadata.get("contents") != "trace":
        raise Unusable(f"{path}: expected a trace (elbow trace), found {metadata.get('contents', 'another file')}")
    return tensors, metadata


class Trace:
    """What the file holds, by what it is."""

    def __init__(self, path):
        tensors, metadata = read_safetensors(path)
        known = {name[6:]: tensor for name, tensor in tensors.items() if name.startswith("trace.")}
        if metadata.get("formatVersion") not in FORMAT_VERSIONS:
            raise Unusable(f"{path}: expected format version {' or '.join(FORMAT_VERSIONS)}, found {metadata.get('formatVersion')}")
        self.metadata = metadata
        self.config = json.loads(metadata["config"])
        self.adam = json.loads(metadata["adam"])
        self.learning_rate = float(metadata["learningRate"])
        self.initial = {name: tensor for name, tensor in tensors.items() if not name.startswith("trace.")}
        self.sizes = known["batch_sizes"].tolist()
        self.rows = known["rows"].long()
        self.noise = known["noise"]
        self.x = known.get("x")
        self.reconstruction = known["reconstruction"].tolist()
        self.kl = known["kl"].tolist()
        self.seconds = known["seconds"].tolist()
        self.norms = {name: known[f"gradient_norm.{name}"].tolist() for name in self.initial}

    def batches(self, directory, device, dtype):
        """(x, noise) of every step, on the device; bytes stand for value / 255."""
        x = self.x if self.x is not None else read_rows(directory, self)
        x = x.float() / 255 if x.dtype == torch.uint8 else x
        pairs = zip(x.split(self.sizes), self.noise.split(self.sizes))
        return [(rows.to(device, dtype), noise.to(device, dtype)) for rows, noise in pairs]


def read_images(directory, prefix):
    found = [path for path in sorted(directory.iterdir()) if path.name.startswith(prefix)]
    if not found:
        raise Unusable(f"{directory}: expected a file {prefix}-idx3-ubyte, gzipped or not, found none")
    raw = found[0].read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    header = 4 + 4 * raw[3]
    count = int.from_bytes(raw[4:8], "big")
    return count, raw[header:]


def read_rows(directory, trace):
    """The trace's rows of a directory of IDX files, which must be the data that it was made with."""
    name = trace.metadata.get("dataset", "the data of the trace")
    if directory is None:
        raise Unusable(f"the trace has no rows in it; give the directory of {name}'s files as --data")
    directory = pathlib.Path(directory)
    if not directory.is_dir():
        raise Unusable(f"{directory}: expected a directory of IDX files, found none")
    count, train = read_images(directory, "train-images")
    _, test = read_images(directory, "t10k-images")
    digest = hashlib.sha256(hashlib.sha256(train).digest() + hashlib.sha256(test).digest()).hexdigest()
    if digest != trace.metadata.get("datasetSha256"):
        raise Unusable(f"{directory}: expected {name} (SHA-256 {trace.metadata.get('datasetSha256')}), found {digest}")
    return torch.frombuffer(bytearray(train), dtype=torch.uint8).reshape(count, -1)[trace.rows]


class VAE(nn.Module):
    """The model of a trace; its parameters have the trace's names."""

    def __init__(self, config):
        super().__init__()
        widths = [config["inputDim"], *config["hidden"]]
        mirrored = [config["latentDim"], *reversed(widths)]
        encoder, decoder = linears(widths), linears(mirrored)
        heads = {name: nn.Linear(widths[-1], config["latentDim"]) for name in ("fc_mu", "fc_logvar")}
        # one hidden layer has the names of the usual small program, deeper models count
        if len(widths) == 2:
            names = {"fc1": encoder[0], **heads, "fc3": decoder[0], "fc4": decoder[1]}
        else:
            names = {"encoder": encoder, **heads, "decoder": decoder}
        for name, module in names.items():
            self.add_module(name, module)
        self.layers = lambda: (encoder, heads["fc_mu"], heads["fc_logvar"], decoder)
        self.activation = {"relu": torch.relu, "tanh": torch.tanh, "silu": torch.nn.functional.silu}[config["activation"]]
        self.likelihood = LIKELIHOODS[config["likelihood"]]

    def forward(self, x, noise):
        """Both terms of the negative ELBO, summed over the batch, in nats."""
        encoder, fc_mu, fc_logvar, decoder = self.layers()
        h = x
        for layer in encoder:
            h = self.activation(layer(h))
        mu, logvar = fc_mu(h), fc_logvar(h)
        h = mu + torch.exp(0.5 * logvar) * noise
        for layer in decoder[:-1]:
            h = self.activation(layer(h))
        kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        return self.likelihood(decoder[-1](h), x), kl


def linears(widths):
    return nn.ModuleList(nn.Linear(k, n) for k, n in zip(widths, widths[1:]))


def bernoulli(logits, x):
    return nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")


def gaussian(mean, x):
    """Of unit variance, without its constant."""
    return 0.5 * torch.sum((x - mean).pow(2))


LIKELIHOODS = {"bernoulli": bernoulli, "gaussian": gaussian}


class Replay:
    """The model at the trace's start, and its optimizer."""

    def __init__(self, trace, device, dtype):
        self.model = VAE(trace.config)
        self.model.load_state_dict(trace.initial, strict=True)
        self.model.to(device, dtype)
        betas = (trace.adam["beta1"], trace.adam["beta2"])
        self.adam = torch.optim.Adam(
            self.model.parameters(), lr=trace.learning_rate, betas=betas, eps=trace.adam["epsilon"]
        )

    def step(self, x, noise):
        """The original program's step. Nothing in it waits for the device."""
        self.adam.zero_grad()
        reconstruction, kl = self.model(x, noise)
        (reconstruction + kl).backward()
        self.adam.step()
        return reconstruction, kl

    def gradient_norms(self):
        """L2 norms in float64, of the last step; on the CPU, as not every device has float64."""
        return {name: p.grad.cpu().double().norm().item() for name, p in self.model.named_parameters()}


def relative(found, expected):
    """The difference by the larger of the two; not a number counts as infinitely far."""
    largest = max(abs(found), abs(expected))
    difference = abs(found - expected) / largest if largest > 0 else 0.0
    return difference if math.isfinite(difference) else math.inf


def compare(trace, batches, every):
    """Prints what differs, step by step; the differences of every loss, and of every step's worst gradient norm."""
    replay = Replay(trace, batches[0][0].device, batches[0][0].dtype)
    print(f"{'step':>5} {'Elbow, nats':>12} {'PyTorch':>12} {'loss differs':>12} {'gradients':>9}  most in")
    losses, gradients = [], []
    for i, (x, noise) in enumerate(batches):
        reconstruction, kl = (term.item() for term in replay.step(x, noise))
        expected = trace.reconstruction[i] + trace.kl[i]
        losses.append(relative(reconstruction + kl, expected))
        norms = {name: relative(norm, trace.norms[name][i]) for name, norm in replay.gradient_norms().items()}
        worst = max(norms, key=norms.get)
        gradients.append(norms[worst])
        if i == 0 or (i + 1) % every == 0 or i + 1 == len(batches):
            rows = len(x)
            print(
                f"{i + 1:>5} {expected / rows:>12.6f} {(reconstruction + kl) / rows:>12.6f} "
                f"{losses[-1]:>12.1e} {norms[worst]:>9.1e}  {worst}"
            )
    return losses, gradients


def synchronize(device):
    """A GPU is behind the program that feeds it; a clock may be read only when it has caught up."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        # torch 2 has it; before, reading a result was the way to wait
        wait = getattr(getattr(torch, "mps", None), "synchronize", None)
        wait() if wait else torch.zeros(1, device=device).item()


def steps_per_second(trace, batches):
    """The median of some passes over the trace from its start, without a look at any loss."""
    device, dtype = batches[0][0].device, batches[0][0].dtype
    rates = []
    for _ in range(TIMED_PASSES):
        seconds, steps = 0.0, 0
        while steps < TIMED_STEPS:
            replay = Replay(trace, device, dtype)
            synchronize(device)
            start = time.perf_counter()
            for x, noise in batches:
                replay.step(x, noise)
            synchronize(device)
            seconds += time.perf_counter() - start
            steps += len(batches)
        rates.append(steps / seconds)
    return statistics.median(rates)


def describe_device(device):
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return f"Metal on {platform.machine()}"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'' if threads == 1 else 's'}"


def print_speeds(trace, batches):
    elbow = 1 / statistics.median(trace.seconds)
    pytorch = steps_per_second(trace, batches)
    print()
    print(f"Elbow   {elbow:8.1f} steps/s  {printable(trace.metadata.get('machine', ''))}")
    print(f"PyTorch {pytorch:8.1f} steps/s  {describe_device(batches[0][0].device)}, torch {torch.__version__}")
    print("Elbow's figure is from the trace, the median of its steps. PyTorch's is the")
    print(f"median of {TIMED_PASSES} passes over the trace after one of warm-up, with the batches on the")
    print("device beforehand and the clock stopped when the device is done.")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("trace", help="what elbow trace has written")
    parser.add_argument("--data", metavar="DIR", help="the dataset's IDX files, where the trace has no rows in it")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps … (default: cpu)")
    parser.add_argument("--threads", type=int, help="of PyTorch on a CPU (default: its own choice)")
    parser.add_argument("--tolerance", type=float, default=2e-4, help="of every loss, relative (default: 2e-4)")
    parser.add_argument(
        "--gradient-tolerance",
        type=float,
        default=1e-3,
        help="of the first step's gradient norms, relative; later ones are of weights that rounding has moved apart "
        "(default: 1e-3)",
    )
    parser.add_argument("--float64", action="store_true", help="in double precision: how far rounding takes Elbow")
    parser.add_argument("--every", type=int, default=10, help="print every so many steps (default: 10)")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    try:
        trace = Trace(arguments.trace)
        device = torch.device(arguments.device)
        dtype = torch.float64 if arguments.float64 else torch.float32
        batches = trace.batches(arguments.data, device, dtype)
    except (Unusable, RuntimeError, AssertionError) as error:
        # torch says in several lines, and in several ways, that there is no such device
        print(f"replay_pytorch.py: {printable(str(error).splitlines()[0])}", file=sys.stderr)
        return 2
    except KeyError as error:
        print(f"replay_pytorch.py: {arguments.trace}: expected a whole trace, found none of its {error}", file=sys.stderr)
        return 2
    config = trace.config
    widths = [config["inputDim"], *config["hidden"], config["latentDim"]]
    shape = "-".join(str(n) for n in widths + widths[-2::-1])
    dataset = trace.metadata.get("dataset", "own data")
    print(printable(f"{shape}, {config['activation']}, {config['likelihood']}, {dataset}"))
    losses, gradients = compare(trace, batches, max(1, arguments.every))
    print(f"\nlosses differ by {max(losses):.1e} at most (allowed: {arguments.tolerance:.0e})")
    print(
        f"gradient norms differ by {gradients[0]:.1e} at most in the first step "
        f"(allowed: {arguments.gradient_tolerance:.0e}),\nand by {max(gradients):.1e} in any"
    )
    print_speeds(trace, batches)
    same = max(losses) <= arguments.tolerance and gradients[0] <= arguments.gradient_tolerance
    if not same:
        print("\nThe two do not agree.", file=sys.stderr)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
