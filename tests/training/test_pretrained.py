"""The torch copy of the shipped malignancy network says what the bundle says."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lungrisk.core.bundle import open_bundle  # noqa: E402
from lungrisk.engine import run  # noqa: E402
from lungrisk.networks.malignancy import FLIPS, flip_planes  # noqa: E402
from lungrisk.nodules.appearance import FEATURES  # noqa: E402
from lungrisk.training.pretrained import load_rater  # noqa: E402

torch.set_num_threads(1)
MEMBERS = 2  # networks of a fold


def test_the_copies_joined_and_mirrored_give_the_ratings_of_the_bundle() -> None:
    bundle = open_bundle("malignancy", "malignancy")
    rng = np.random.default_rng(0)
    planes = rng.normal(size=(2, 5, 6, 32, 32)).astype(np.float32)
    features = (50 * rng.normal(size=(5, len(FEATURES)))).astype(np.float32)
    wanted = run(bundle, fixed=planes[0], scaled=planes[1], features=features)["rating"]
    fixed, scaled, numbers = torch.from_numpy(planes[0]), torch.from_numpy(planes[1]), torch.from_numpy(features)
    with torch.no_grad():
        for fold in range(wanted.shape[1]):
            ratings = [
                load_rater(MEMBERS * fold + member)(flip_planes(fixed, *flip), flip_planes(scaled, *flip), numbers)[1]
                for member in range(MEMBERS)
                for flip in FLIPS
            ]
            np.testing.assert_allclose(torch.stack(ratings).mean(0).numpy(), wanted[:, fold], atol=1e-5)


def test_the_networks_are_counted_round() -> None:
    one, other = load_rater(0), load_rater(10)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one.head.weight, load_rater(1).head.weight)
