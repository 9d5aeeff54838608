"""The engine gives what the graph says, in batches of any size."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lungrisk.core.bundle import Bundle
from lungrisk.core.errors import EnvironmentFault
from lungrisk.engine import run


def bundle_of(model: bytes) -> Bundle:
    return Bundle(name="twice", task="test", model=model, sha256=str(hash(model)), settings={})


def twice_plus() -> bytes:
    """y = 2 x + z, over any number of items."""
    value = helper.make_tensor_value_info
    nodes = [helper.make_node("Add", ["x", "x"], ["xx"]), helper.make_node("Add", ["xx", "z"], ["y"])]
    inputs = [value("x", TensorProto.FLOAT, ["n", 2]), value("z", TensorProto.FLOAT, ["n", 2])]
    graph = helper.make_graph(nodes, "g", inputs, [value("y", TensorProto.FLOAT, ["n", 2])])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


@pytest.mark.parametrize("batch", [1, 3, 7, 64])
def test_batches_do_not_change_the_answer(batch: int) -> None:
    x, z = np.arange(14.0).reshape(7, 2), np.ones((7, 2))
    answer = run(bundle_of(twice_plus()), batch=batch, x=x, z=z)["y"]
    assert answer.dtype == np.float32
    assert answer.tolist() == (2 * x + z).tolist()


def test_no_items_give_no_answers() -> None:
    empty = np.zeros((0, 2))
    assert run(bundle_of(twice_plus()), x=empty, z=empty)["y"].shape == (0, 2)


def test_a_file_that_is_no_model_is_named() -> None:
    with pytest.raises(EnvironmentFault, match=r"bun\.kind"):
        run(bundle_of(b"not a model"), x=np.zeros((1, 2)))


def test_other_inputs_outputs_or_shapes_than_the_model_has_are_named() -> None:
    bundle, two = bundle_of(twice_plus()), np.zeros((1, 2))
    for ask in (
        lambda: run(bundle, x=two),
        lambda: run(bundle, x=two, z=two, more=two),
        lambda: run(bundle, x=np.zeros((1, 3)), z=two),
        lambda: run(bundle, x=two, z=two)["rating"],
    ):
        with pytest.raises(EnvironmentFault, match=r"bun\.kind"):
            ask()
