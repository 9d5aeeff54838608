import numpy as np
import onnxruntime
import torch

from lungrisk.training.export import Card, to_onnx

torch.set_num_threads(1)


def test_the_graph_takes_any_number_of_items_and_agrees_with_torch() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2)).eval()
    session = onnxruntime.InferenceSession(to_onnx(module, {"x": torch.zeros(2, 3)}, ["y"]))
    x = torch.randn(9, 3)
    (y,) = session.run(["y"], {"x": x.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(y, module(x).numpy(), atol=1e-6)


def test_a_card_says_everything_that_it_was_given() -> None:
    text = Card(
        title="name",
        what="what",
        data="data",
        command="make it",
        recompute="judge it",
        figures=[["a", "b"], ["1", "2"]],
        limits=["limit"],
        notes="notes",
        facts={"fact": 3},
    ).text()
    for part in ("# name", "what", "data", "make it", "judge it", "| a | b |\n| --- | --- |\n| 1 | 2 |", "* limit"):
        assert part in text
    assert "notes" in text
    assert "* fact: 3" in text
    assert "Not a medical device" in text
