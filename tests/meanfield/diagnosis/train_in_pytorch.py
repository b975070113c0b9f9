"""Three networks trained in PyTorch: as it starts them, with the output times 8, and times 1/30.

`python tests/meanfield/diagnosis/train_in_pytorch.py` writes `trained_in_pytorch.npz` anew: weights in PyTorch's
names, data, and the versions that made them. It needs the extra `torch`; tests read the file, and train again where
PyTorch is installed.
"""

from pathlib import Path

import numpy as np

STORED = Path(__file__).with_name("trained_in_pytorch.npz")
SEED, WIDTH, INPUTS, SAMPLES, TESTED = 0, 512, 10, 100, 200

NETWORKS = {"default": (1.0, 0.005, 400), "times_8": (8.0, 0.005 / 64, 400), "over_30": (1 / 30, 3.0, 1500)}
"""What the output is multiplied by, s; the learning rate; the number of steps of full gradient descent on `MSELoss`."""


def data() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets: those of training, then those of the test. Two of ten inputs matter."""
    x = np.random.default_rng(SEED).normal(size=(SAMPLES + TESTED, INPUTS)).astype(np.float32)
    return x, (np.abs(x[:, 0]) + np.maximum(x[:, 1], 0) - 1.2).astype(np.float32)


def train(s: float, rate: float, steps: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the weights before and after training of s times PyTorch's own two dense layers."""
    import torch  # type: ignore[import-not-found]

    torch.manual_seed(SEED)
    net = torch.nn.Sequential(torch.nn.Linear(INPUTS, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, 1))
    optimiser = torch.optim.SGD(net.parameters(), lr=rate)
    x, y = (torch.tensor(part[:SAMPLES]) for part in data())

    def weights():
        return {name: value.numpy().copy() for name, value in net.state_dict().items()}

    first = weights()
    for _ in range(steps):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(s * net(x)[:, 0], y).backward()
        optimiser.step()
    return first, weights()


def main() -> None:
    """Train the three networks and store them."""
    import torch  # type: ignore[import-not-found]

    torch.set_num_threads(1)
    x, y = data()
    made = f"PyTorch {torch.__version__}, NumPy {np.__version__}, seed {SEED}, one thread of a processor"
    arrays = {"x": x, "y": y, "made_by": np.array(made)}
    for name, settings in NETWORKS.items():
        first, last = train(*settings)
        arrays |= {f"initial/{key}": value for key, value in first.items()}  # of one seed, for all three
        arrays |= {f"{name}/{key}": value for key, value in last.items()}
    np.savez(STORED, **arrays)


if __name__ == "__main__":
    main()
