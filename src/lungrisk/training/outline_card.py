"""The card of the outline bundle: its words, and the figures that `evaluate_outlines` gives."""

from typing import Any

from lungrisk.training.export import DATA, Card

SIZES = {"below_6_mm": "< 6 mm", "6_to_15_mm": "6 to 15 mm", "15_mm_and_more": ">= 15 mm"}
HEAD = (
    "nodules (3 or more readers)",
    "n",
    "Dice median (95 %)",
    "Dice 10th percentile (95 %)",
    "inside the stack alone",
    "volume: median error, ratio (10th, 50th, 90th)",
    "diameter: median error, mm",
)


def card_of(figures: dict[str, Any]) -> str:
    """CARD.md."""
    rows = [("all", figures), *((words, figures["sizes"][name]) for name, words in SIZES.items())]
    rows.append(("all, from a point beside the middle", figures["off_centre"]))
    readers = figures["readers"]
    return Card(
        title="The outline of a nodule from a point inside it",
        what=(
            "Five small 2D U-Nets (one a fold of the cross-validation) read a cube about the point slice by slice, each slice "
            "with four neighbours and the slice of the point. The cube has 25 x 32 x 32 voxels of 1.0 x 0.7 x 0.7 mm; an outline "
            "that fills it is drawn again on one of twice, then four times the size. Each network looks at the cube and at its mirror "
            "image and gives the mean; new patients get the mean of the five."
        ),
        data=(
            DATA
            + " The consensus is what at least half of a nodule's readers outlined. A stack ends where its nodule ends, "
            "so each was continued above and below with slices made from its own end slices, the nodule replaced by tissue from "
            "beside it. The patient of the public demo, LIDC-IDRI-0001, is left out."
        ),
        command="lungrisk train NODULES_DIR --net outline -o BUNDLE",
        recompute="lungrisk evaluate NODULES_DIR --bundle outline",
        figures=[HEAD, *(_row(words, part) for words, part in rows if part["n"])],
        notes=(
            f"Every nodule was outlined by the network that had not seen its patient; {figures['n_unseen']} of "
            f"{figures['n_patients']} patients were new to all. The point is the middle of the consensus (last row: a third of the "
            "radius beside it, 1 to 5 mm). What is outlined above and below the stack counts as wrong, but in the column that says "
            f"so. Readers between each other: mean Dice {readers['mean']:.3f}, median {readers['median']:.3f}. "
            f"Of the outline, {100 * figures['spilled']['p90']:.0f} % or less lies above and below the stack in nine of ten nodules. "
            f"Without any outline: {figures['lost']}; run over into what lies around, which `nod.mass` says: {figures['masses']}. "
            "Volume interval in a report: the 2.5th and 97.5th percentile of consensus / measured volume at this measured size, without "
            "the latter. Where a solid nodule borders on lung, volume and diameters follow the half-contrast "
            "surface, which lies within the readers' outlines."
        ),
        limits=[
            "What lies above and below in training and in these figures was made up, and it was made with the readers' masks; on "
            "six lesions in real surroundings (QIN LUNG CT, 24 to 46 mm, nine machine readings each) the outline stops by itself.",
            "Nodules over 30 mm are few in the data: the size of a mass is rough, and above 45 mm a finding says so (`nod.mass`).",
            "Ground-glass, cavities and nodules joined to vessels, pleura or diaphragm are where readers differ most, and so does it.",
            "Readers' outlines are opinions; they are generous, so measured volumes are smaller than theirs.",
            "Only a point inside a nodule makes sense: elsewhere it outlines a vessel, or nothing (`nod.outline`).",
        ],
    ).text()


def _row(words: str, part: dict[str, Any]) -> tuple[str, ...]:
    dice, volume, diameter = part["dice"], part["volume"], part["diameter"]
    within = part["dice_within"]
    return (
        words,
        str(part["n"]),
        f"{dice['median']:.3f} ({dice['median_low']:.3f}-{dice['median_high']:.3f})",
        f"{dice['p10']:.3f} ({dice['p10_low']:.3f}-{dice['p10_high']:.3f})",
        f"{within['median']:.3f}, {within['p10']:.3f}",
        f"{100 * volume['error']:.0f} %, {volume['ratio_p10']:.2f}, {volume['ratio_p50']:.2f}, {volume['ratio_p90']:.2f}",
        f"{100 * diameter['error']:.1f} %, {diameter['error_mm']:.2f}",
    )
