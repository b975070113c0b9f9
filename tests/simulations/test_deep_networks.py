"""Studies of random networks: what they refuse, and that records hold what their names say."""

import numpy as np
import pytest
from scipy import special

from simulations.regimes.infinite_width import ERF, RELU, Networks, Regression


@pytest.mark.parametrize(("data", "most"), [("digits", 797), ("mnist1d", 4000)])
def test_as_many_samples_as_there_are(data, most):
    assert Regression(data=data, samples=most, tested=1000).samples == most
    with pytest.raises(ValueError, match=f"expected 2 to {most} of {data} beside 1000 for test"):
        Regression(data=data, samples=most + 1, tested=1000)


@pytest.mark.parametrize("law", [RELU, ERF])
def test_statistics_of_a_record(law):
    """Means over networks that are written out here, layer by layer."""
    run = Networks(**law, depth=2, width=16, replicas=5)
    found, (first, hidden, biases, output) = run.run(), run.weights()
    sigma = (lambda z: np.maximum(z, 0)) if law is RELU else special.erf
    x, weight, bias = found["x"], law["weight_scale"], law.get("bias_scale", 0.0)
    kernels, outputs = [], []
    for r in range(5):
        h = sigma(weight * first[r] @ x.T + bias * biases[r, 0][:, None])
        z = sigma(weight / 4 * hidden[r, 0] @ h + bias * biases[r, 1][:, None])
        kernels.append([h.T @ h / 16, z.T @ z / 16])
        outputs.append(output[r] @ z / 4)
    kernels, limit = np.array(kernels), found["limit_conjugate"]
    np.testing.assert_allclose(found["outputs"], outputs, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["conjugate"], kernels.mean(axis=0), rtol=1e-5, atol=1e-6)
    apart = [[np.sum((k - exact) ** 2) for k, exact in zip(one, limit, strict=True)] for one in kernels]
    np.testing.assert_allclose(found["distance"], np.mean(apart, axis=0), rtol=1e-4)
    own = np.array([[np.diag(k) / np.diag(exact) for k, exact in zip(one, limit, strict=True)] for one in kernels])
    np.testing.assert_allclose(found["kurtosis"], 3 * np.mean((own - 1) ** 2, axis=(0, 2)), rtol=1e-4)
    cosine = kernels / np.sqrt(np.einsum("rlii,rlkk->rlik", kernels, kernels))
    np.testing.assert_allclose(found["deficit"], 1 - cosine.mean(axis=0), atol=1e-5)
    assert found["tangent_variance"] >= np.mean((np.diag(found["tangent"] / found["limit_tangent"][-1]) - 1) ** 2)
