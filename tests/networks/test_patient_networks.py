"""Networks of patients: what goes in, what comes out, where they start."""

import math

import pytest

torch = pytest.importorskip("torch")

from lungrisk.networks import backbone, nodule_set, resnet3d, seed  # noqa: E402
from lungrisk.networks.rater import Rater  # noqa: E402

torch.set_num_threads(1)
N_FEATURES, TOP_K = 5, 8


def rater() -> Rater:
    torch.manual_seed(0)
    return Rater(N_FEATURES, 4).eval()


def nodule_inputs(n: int, ratings: list[float], accepted: float = 1.0) -> tuple[torch.Tensor, ...]:
    """Arrays of n patients who all have nodules of these ratings (less 3)."""
    torch.manual_seed(1)
    numbers = torch.zeros(n, TOP_K, nodule_set.N_NUMBERS)
    for place, rating in enumerate(ratings):
        numbers[:, place, nodule_set.RATING] = rating - 3
        numbers[:, place, nodule_set.ACCEPTED] = accepted
        numbers[:, place, nodule_set.PRESENT] = 1
    planes = torch.randn(2, n, TOP_K, 6, 32, 32)
    return planes[0], planes[1], torch.randn(n, TOP_K, N_FEATURES), numbers


def head(n_seen: int, years: int = 1) -> backbone.Head:
    torch.manual_seed(2)
    return backbone.Head(torch.zeros(n_seen), torch.randn(n_seen, 3) / 10, [0.0] * years)


NETWORKS = {
    "seed": (lambda years: seed.seed([-1.0] * years), lambda n: (torch.rand(n, *seed.SIZE),)),
    "resnet3d": (
        lambda years: resnet3d.resnet3d([-1.0] * years),
        lambda n: (torch.randn(n, 32, 32, 32), torch.ones(n, 32, 32, 32)),
    ),
    "nodules": (lambda years: nodule_set.nodules(rater(), [0.0] * years), lambda n: nodule_inputs(n, [2.0, 4.0])),
    "backbone": (
        lambda years: backbone.backbone(rater(), head(rater().n_seen, years)),
        lambda n: nodule_inputs(n, [2.0, 4.0]),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_row_a_patient_and_a_logit_a_head(name: str) -> None:
    build, inputs = NETWORKS[name]
    for years in (1, 3):
        with torch.no_grad():
            assert build(years).eval()(*inputs(2)).shape == (2, years)


@pytest.mark.parametrize("name", ["seed", "resnet3d"])
def test_what_knows_nothing_yet_says_the_base_rate(name: str) -> None:
    build, inputs = NETWORKS[name]
    with torch.no_grad():
        assert build(1).eval()(*inputs(2)).flatten().tolist() == pytest.approx([-1.0, -1.0])


@pytest.mark.parametrize("name", ["resnet3d", "nodules", "backbone"])
def test_it_can_learn_four_patients_by_heart(name: str) -> None:
    build, inputs = NETWORKS[name]
    network, arrays = build(1), inputs(4)
    if name in ("nodules", "backbone"):  # all four have the same nodules but for their look
        arrays[2][:] = torch.randn(4, 1, N_FEATURES)
    wanted = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(70 if name == "resnet3d" else 40):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(*arrays), wanted)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.55  # knowing only that half have cancer gives 0.69


def test_the_seeds_network_has_the_notebooks_layers() -> None:
    network = seed.seed()
    assert [tuple(layer.weight.shape) for layer in network.body if hasattr(layer, "weight")] == [
        (32, 1, 3, 3, 3),
        (64, 32, 3, 3, 3),
    ]
    assert network.dense[0].out_features == 1024
    spread = network.dense[0].weight.std().item()  # He et al. 2015: sqrt(2 / inputs); the notebook's was 1
    assert spread == pytest.approx(math.sqrt(2 / network.dense[0].in_features), rel=0.02)


@pytest.mark.parametrize(("layers", "n_convolutions"), [(10, 9), (18, 17)])
def test_a_residual_network_has_as_many_layers_as_it_says(layers: int, n_convolutions: int) -> None:
    """As usual the first convolution, those of the blocks and the last linear layer count; short cuts do not."""
    network = resnet3d.ResNet3d(layers=layers, width=4)
    threes = [m for m in network.modules() if isinstance(m, torch.nn.Conv3d) and m.kernel_size == (3, 3, 3)]
    assert len(threes) == n_convolutions


@pytest.mark.parametrize("norm", ["none", "instance", "group", "batch"])
def test_every_norm_gives_finite_logits(norm: str) -> None:
    network = resnet3d.ResNet3d(width=4, norm=norm)
    logits = network(torch.randn(2, 64, 64, 64), torch.ones(2, 64, 64, 64))
    assert torch.isfinite(logits).all()


def test_attention_over_the_volume_finds_the_one_bright_place() -> None:
    """Attention that prefers what the score likes must not care where it is."""
    network = resnet3d.ResNet3d(width=4).eval()
    torch.nn.init.normal_(network.score.weight)
    volume = torch.zeros(1, 64, 64, 64)
    volume[:, 16:24, 16:24, 16:24] = 1
    one = network(volume, torch.ones_like(volume))
    other = network(volume.roll(32, 1), torch.ones_like(volume))
    torch.testing.assert_close(one, other, atol=0.05, rtol=0)


def test_nodules_start_at_the_map_of_the_bowl() -> None:
    """P = 1 - (1 - leak) (1 - s(a + b m)) of dsb2017: for m = 4 it is 1 - 0.9644 * (1 - s(-10.46558 + 2.51529 * 4) * s(3))."""
    network = nodule_set.nodules(rater()).eval()
    with torch.no_grad():
        p = torch.sigmoid(network(*nodule_inputs(1, [4.0]))).item()

    def s(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    assert p == pytest.approx(1 - (1 - s(-3.29918)) * (1 - s(3.0) * s(-10.46558 + 2.51529 * 4)), abs=1e-5)


def test_nobody_to_see_leaves_the_leak_and_one_more_nodule_never_lowers_the_likelihood() -> None:
    network = nodule_set.nodules(rater()).eval()
    with torch.no_grad():
        none, one, two = (network(*nodule_inputs(1, ratings)).item() for ratings in ([], [2.5], [2.5, 4.5]))
    assert none == pytest.approx(-3.29918, abs=1e-4)
    assert none < one < two


def test_a_nodule_that_the_line_did_not_accept_hardly_counts_at_first() -> None:
    network = nodule_set.nodules(rater()).eval()
    with torch.no_grad():
        none = network(*nodule_inputs(1, [])).item()
        doubted, accepted = (network(*nodule_inputs(1, [4.5], weight)).item() for weight in (0.0, 1.0))
    assert none < doubted < none + 1.0 < accepted


@pytest.mark.parametrize("name", ["nodules", "backbone"])
def test_the_order_of_the_nodules_and_what_lies_in_empty_places_do_not_matter(name: str) -> None:
    network = NETWORKS[name][0](1).eval()
    for weight in network.parameters():  # away from the start, where nothing is read of the nodules
        torch.nn.init.normal_(weight, std=0.1) if weight.abs().sum() == 0 else None
    arrays = nodule_inputs(1, [2.5, 4.0, 3.0])
    turned = tuple(torch.cat([array[:, :3].flip(1), torch.randn_like(array[:, 3:])], 1) for array in arrays[:3])
    numbers = torch.cat([arrays[3][:, :3].flip(1), arrays[3][:, 3:]], 1)
    with torch.no_grad():
        torch.testing.assert_close(network(*arrays), network(*turned, numbers), atol=1e-5, rtol=0)


def test_the_head_starts_at_the_lines_map_of_the_highest_rating() -> None:
    network = NETWORKS["backbone"][0](1).eval()
    with torch.no_grad():
        found = [network(*nodule_inputs(1, ratings)).item() for ratings in ([], [2.0], [4.0, 2.0])]
    assert found == pytest.approx([-2.66977, -2.66977, -2.66977 + 2.38513], abs=1e-5)
