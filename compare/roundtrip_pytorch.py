"""PyTorch → Elbow → PyTorch: every weight comes back bit for bit.

    python3 compare/roundtrip_pytorch.py

Saves state_dicts of random models as float32, float16 and bfloat16, has `elbow import` make models of them, loads those
with load_state_dict(strict=True) and compares all bits. Needs PyTorch, and Node on the PATH.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from torch import nn

from evaluate_pytorch import VAE, read_safetensors

MAIN = pathlib.Path(__file__).parent.parent / "src" / "cli" / "main.ts"
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class DeepVAE(nn.Module):
    """More than one hidden layer: the layers of each side are numbered."""

    def __init__(self, input_dim, hidden, latent_dim):
        super().__init__()
        up, down = [input_dim, *hidden], [latent_dim, *reversed(hidden), input_dim]
        self.encoder = nn.ModuleList(nn.Linear(k, n) for k, n in zip(up, up[1:]))
        self.fc_mu = nn.Linear(hidden[-1], latent_dim)
        self.fc_logvar = nn.Linear(hidden[-1], latent_dim)
        self.decoder = nn.ModuleList(nn.Linear(k, n) for k, n in zip(down, down[1:]))


def write_safetensors(tensors, path, dtype):
    header, chunks, end = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        tensor = tensors[name].to(DTYPES[dtype])
        chunk = bytes(tensor.contiguous().flatten().view(torch.int16).numpy())
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [end, end + len(chunk)]}
        chunks.append(chunk)
        end += len(chunk)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(chunks))


def roundtrip(model, dtype, directory):
    source, target = directory / f"{dtype}.safetensors", directory / f"{dtype}.elbow.safetensors"
    write_safetensors(model.state_dict(), source, dtype)
    subprocess.run(["node", MAIN, "import", source, "-o", target, "--overwrite"], check=True)
    expected = {name: tensor.to(DTYPES[dtype]).float() for name, tensor in model.state_dict().items()}
    model.load_state_dict(read_safetensors(target), strict=True)
    for name, tensor in model.state_dict().items():
        if not torch.equal(tensor.view(torch.int32), expected[name].view(torch.int32)):
            sys.exit(f"{dtype}: {name} differs")
    return sum(tensor.numel() for tensor in expected.values())


def main():
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as directory:
        for make in (lambda: VAE(784, 400, 2), lambda: DeepVAE(784, [300, 200, 100], 20)):
            for dtype in DTYPES:
                count = roundtrip(make(), dtype, pathlib.Path(directory))
                print(f"{dtype}: {count} numbers, all bits the same")


if __name__ == "__main__":
    main()
