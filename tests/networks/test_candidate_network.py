"""The network of "nodule or not"."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # such small batches only wait for one another

from lungrisk.core.bundle import Bundle  # noqa: E402
from lungrisk.engine import run  # noqa: E402
from lungrisk.networks.candidate import Candidate, CandidateEnsemble, scaled  # noqa: E402
from lungrisk.training.export import to_onnx  # noqa: E402

WINDOW = (-1000.0, 400.0)


def test_one_logit_a_picture() -> None:
    assert Candidate(width=4)(torch.zeros(3, 1, 48, 48)).shape == (3,)


def test_the_window_is_clipped_and_scaled() -> None:
    hu = torch.tensor([-3000.0, -1000.0, -440.0, 400.0, 3000.0])
    np.testing.assert_allclose(scaled(hu, *WINDOW), [-0.8, -0.8, 0.0, 1.2, 1.2], atol=1e-6)


def test_the_ensemble_gives_what_each_member_gives() -> None:
    torch.manual_seed(0)
    members = [Candidate(width=4).eval() for _ in range(3)]
    hu = torch.randn(2, 48, 48) * 300 - 500
    together = CandidateEnsemble(members, WINDOW).eval()(hu)
    view = ((hu.clamp(-1000, 400) + 1000) / 1400 - 0.4) * 2
    for column, member in enumerate(members):
        torch.testing.assert_close(together[:, column], member(view[:, None]))


def test_the_export_agrees_with_torch() -> None:
    torch.manual_seed(1)
    net = CandidateEnsemble([Candidate(width=4), Candidate(width=4)], WINDOW).eval()
    model = to_onnx(net, {"hu": torch.zeros(2, 48, 48)}, ["fold_logits"])
    bundle = Bundle(name="t", task="candidate", model=model, sha256="candidate-test", settings={})
    hu = np.random.default_rng(0).normal(-500, 300, (5, 48, 48)).astype(np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(hu)).numpy()
    np.testing.assert_allclose(run(bundle, hu=hu, batch=2)["fold_logits"], expected, atol=1e-4)


def test_it_learns_four_pictures_by_heart() -> None:
    torch.manual_seed(2)
    pictures, labels = torch.randn(4, 1, 48, 48), torch.tensor([0.0, 1.0, 1.0, 0.0])
    net = Candidate(width=4, dropout=0.0)
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(30):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(pictures), labels)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05
