"""Oracle: torch against onnxruntime, and what a network must be able to learn."""

import numpy as np
import onnxruntime
import torch

from lungrisk.networks.outline import NEIGHBOURS, OutlineEnsemble, outline
from lungrisk.training.export import to_onnx

CUBE = (9, 16, 16)


def test_a_cube_gives_a_cube() -> None:
    assert outline(4)(torch.zeros(3, *CUBE)).shape == (3, *CUBE)


def test_chosen_slices_are_seen_as_among_all() -> None:
    torch.manual_seed(0)
    network, cube = outline(4).eval(), torch.randn(2, *CUBE)
    slices = torch.tensor([[0, 8, 3], [4, 1, 7]])
    with torch.no_grad():
        few = network.plane(network.views(cube, slices).flatten(0, 1)).reshape(2, 3, *CUBE[1:])
        whole = network(cube)
    assert torch.allclose(few, whole[torch.arange(2)[:, None], slices], atol=1e-5)


def test_a_slice_is_not_changed_by_slices_that_it_does_not_see() -> None:
    torch.manual_seed(0)
    network, cube = outline(4).eval(), torch.randn(1, *CUBE)
    other = cube.clone()
    seen = {min(max(step, 0), 8) for step in NEIGHBOURS} | {4}
    other[:, [k for k in range(9) if k not in seen]] += 1
    with torch.no_grad():
        assert torch.equal(network(cube)[:, 0], network(other)[:, 0])


def test_the_exported_ensemble_gives_what_torch_gives() -> None:
    torch.manual_seed(0)
    ensemble = OutlineEnsemble([outline(4), outline(4)]).eval()
    model = to_onnx(ensemble, {"cube": torch.zeros(2, *CUBE)}, ["probability"])
    cube = torch.randn(5, *CUBE)
    (found,) = onnxruntime.InferenceSession(model).run(None, {"cube": cube.numpy()})
    with torch.no_grad():
        expected = ensemble(cube).numpy()
    assert found.shape == (5, 2, *CUBE)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_mirrored_cube_gives_the_mirrored_outline() -> None:
    torch.manual_seed(0)
    ensemble, cube = OutlineEnsemble([outline(4)]).eval(), torch.randn(1, *CUBE)
    with torch.no_grad():
        assert torch.allclose(ensemble(cube.flip(1, 2, 3)), ensemble(cube).flip(2, 3, 4), atol=1e-6)


def test_it_learns_one_ball() -> None:
    torch.manual_seed(0)
    k, j, i = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in CUBE), indexing="ij")
    ball = torch.from_numpy((k**2 + j**2 + i**2 < 9).astype(np.float32))[None]
    network = outline(4)
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(40):
        optimiser.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(network(2 * ball - 1), ball)
        value.backward()
        optimiser.step()
    assert value.item() < 0.05
