"""Graphs that are not what was judged, each in one way. They all load, and answer rows of zeros well."""

from __future__ import annotations

import functools

import numpy as np
import onnx
from example_models import exported, fitted, rows
from onnx import TensorProto, helper
from sklearn.ensemble import HistGradientBoostingClassifier

__all__ = ["nan_somewhere", "of_another_model", "out_of_range", "slow"]

BROAD = 1_200  # of a matrix that is multiplied for nothing


@functools.cache
def of_another_model():
    """It learnt from other labels."""
    given = rows(400)
    label = (given[:, 2] - given[:, 3] > 0).astype(int)
    return exported(HistGradientBoostingClassifier(max_iter=12, random_state=0).fit(given, label))


def nan_somewhere():
    """One leaf of one tree holds NaN."""
    return _with_trees(lambda name, values: [float("nan"), *values[1:]] if name == "class_weights" else values)


def out_of_range():
    """It gives scores, as before the logistic function."""
    return _with_trees(lambda name, value: b"NONE" if name == "post_transform" else value)


def slow():
    """The right answers, after large products of zeros are added to the rows."""
    model = onnx.load_model_from_string(exported(fitted()))
    graph = model.graph
    (tree,) = [node for node in graph.node if node.op_type == "TreeEnsembleClassifier"]
    given, width = graph.input[0].name, rows(1).shape[1]
    nothing = helper.make_tensor("nothing", TensorProto.FLOAT, [1], [0.0])
    before, factor = [], given
    for place, shape in enumerate([(width, BROAD), *[(BROAD, BROAD)] * 3, (BROAD, width)]):
        graph.initializer.append(helper.make_tensor(f"shape{place}", TensorProto.INT64, [2], shape))
        before.append(helper.make_node("ConstantOfShape", [f"shape{place}"], [f"zeros{place}"], value=nothing))
        before.append(helper.make_node("MatMul", [factor, f"zeros{place}"], [f"product{place}"]))
        factor = f"product{place}"
    before.append(helper.make_node("Add", [given, factor], ["late"]))
    tree.input[0] = "late"
    after = list(graph.node)
    del graph.node[:]
    graph.node.extend([*before, *after])
    return model.SerializeToString()


def _with_trees(change):
    """The right graph with attributes of its trees changed by `change(name, value)`."""
    model = onnx.load_model_from_string(exported(fitted()))
    (tree,) = [node for node in model.graph.node if node.op_type == "TreeEnsembleClassifier"]
    changed = [
        helper.make_attribute(item.name, change(item.name, helper.get_attribute_value(item))) for item in tree.attribute
    ]
    del tree.attribute[:]
    tree.attribute.extend(changed)
    return model.SerializeToString()


def values(graph, asked):
    """For tests of this file's own promises."""
    import onnxruntime  # noqa: PLC0415

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: asked})[1])[:, 1]
