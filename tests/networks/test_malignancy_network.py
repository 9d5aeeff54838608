import numpy as np
import torch

from lungrisk.core.bundle import Bundle
from lungrisk.engine import run
from lungrisk.networks.malignancy import FLIPS, FoldEnsemble, Malignancy, flip_planes
from lungrisk.training.export import to_onnx

torch.set_num_threads(1)  # two threads wait for each other on a busy machine


def network(seed: int = 0) -> Malignancy:
    torch.manual_seed(seed)
    five = torch.zeros(5)
    return Malignancy(five, five + 1, five - 2, five + 2, width=4)


def example(n: int, seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    planes = torch.randn(2, n, 6, 32, 32)
    return {"fixed": planes[0], "scaled": planes[1], "features": torch.randn(n, 5)}


def test_a_rating_a_nodule() -> None:
    assert network()(*example(3).values()).shape == (3,)


def test_features_beyond_the_training_range_count_as_its_end() -> None:
    net, inputs = network().eval(), example(2)
    inputs["features"] = torch.full((2, 5), 2.0)
    far = {**inputs, "features": torch.full((2, 5), 900.0)}
    torch.testing.assert_close(net(*inputs.values()), net(*far.values()))


def test_the_graph_gives_what_torch_gives_for_any_number_of_nodules() -> None:
    ensemble = FoldEnsemble([[network(0), network(1)], [network(2)]]).eval()
    model = to_onnx(ensemble, example(2), ["rating"])
    inputs = example(7, seed=3)
    bundle = Bundle(name="test", task="malignancy", model=model, sha256="test-malignancy", settings={})
    found = run(bundle, **{name: tensor.numpy() for name, tensor in inputs.items()})["rating"]
    with torch.no_grad():
        np.testing.assert_allclose(found, ensemble(*inputs.values()).numpy(), atol=1e-5)
    assert found.shape == (7, 2)


def test_mirrored_planes_are_the_planes_of_the_mirrored_nodule() -> None:
    cube = torch.randn(9, 9, 9)

    def planes(volume: torch.Tensor) -> torch.Tensor:
        three = [volume[4], volume[:, 4], volume[:, :, 4]]
        return torch.stack([*three, *three])[None]

    for x, y, z in FLIPS:
        axes = [axis for axis, flipped in zip((2, 1, 0), (x, y, z), strict=True) if flipped]
        torch.testing.assert_close(flip_planes(planes(cube), x, y, z), planes(cube.flip(axes)))


def test_it_can_learn_four_nodules_by_heart() -> None:
    net, inputs = network(), example(4)
    wanted = torch.tensor([1.0, 2.0, 4.0, 5.0])
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(80):
        optimiser.zero_grad()
        error = ((net(*inputs.values()) - wanted) ** 2).mean()
        error.backward()
        optimiser.step()
    assert error.item() < 0.5
