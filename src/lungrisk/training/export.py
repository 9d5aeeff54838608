"""From a trained module to a bundle: the ONNX graph and the card."""

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch


def to_onnx(module: torch.nn.Module, example: Mapping[str, torch.Tensor], outputs: Sequence[str]) -> bytes:
    """The module as an ONNX graph whose first axis may have any length.

    example: input name to a tensor, in the order of `forward`. outputs: names, in the order in which `forward` gives them.
    """
    names = list(example)
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # torch marks this exporter as old; it needs no further package and writes one plain file
        warnings.simplefilter("ignore", DeprecationWarning)
        # what it traces through looks at sizes; that any number of items goes through is held by tests
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        torch.onnx.export(
            module.eval().cpu(),
            tuple(example.values()),
            stream,  # type: ignore[arg-type]  # a stream is taken; the annotation lags
            input_names=names,
            output_names=list(outputs),
            dynamic_axes={name: {0: "n"} for name in [*names, *outputs]},
            opset_version=17,
            dynamo=False,
            # folding would write weights that are kept in half precision out in full
            do_constant_folding=all(buffer.dtype != torch.half for buffer in module.buffers()),
        )
    return stream.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What CARD.md says. figures: rows of a table, the first one its head."""

    title: str
    what: str
    data: str
    command: str
    recompute: str
    figures: Sequence[Sequence[str]]
    limits: Sequence[str]
    notes: str = ""
    use: str = "Research and teaching. Not a medical device; no decision about a person may rest on it."
    facts: Mapping[str, object] = field(default_factory=dict)

    def text(self) -> str:
        """The card in Markdown."""
        head, *rows = self.figures
        table = [head, ["---"] * len(head), *rows]
        lines = ["| " + " | ".join(row) + " |" for row in table]
        parts = [
            f"# {self.title}",
            self.what,
            f"## Intended use\n\n{self.use}",
            f"## Data and licence\n\n{self.data}",
            f"## Made by\n\n```\n{self.command}\n```",
            "## Figures\n\n" + "\n".join(lines) + f"\n\nRecomputed by\n\n```\n{self.recompute}\n```",
            self.notes,
            "## Limits\n\n" + "\n".join(f"* {limit}" for limit in self.limits),
            "## Facts\n\n" + "\n".join(f"* {name}: {value}" for name, value in self.facts.items())
            if self.facts
            else "",
        ]
        return "\n\n".join(part for part in parts if part) + "\n"


DATA = (
    "LIDC-IDRI: Armato SG et al., The Lung Image Database Consortium (LIDC) and Image Database Resource Initiative (IDRI), "
    "Medical Physics 38 (2011) 915-931; images and readings CC BY 3.0. LUNA16 (calibration of grey values, patches): "
    "Setio AAA et al., Medical Image Analysis 42 (2017) 1-13, CC BY 4.0. The weights are released under Apache-2.0."
)
