"""The card of "nodule or not"."""

from typing import Any

from lungrisk.training.export import DATA, Card


def card_of(figures: dict[str, Any]) -> str:
    """CARD.md from what `evaluate_candidates` gave."""
    hard = figures["hard"]

    def line(name: str, part: dict[str, Any]) -> list[str]:
        interval = f"{part['auc']:.3f} ({part['auc_low']:.3f}-{part['auc_high']:.3f})"
        return [name, f"{part['n']:,} ({part['n_positive']:,})", interval, f"{part['ap']:.3f}"]

    def plain(name: str, key: str) -> list[str]:
        size = f"{figures['n']:,} ({figures['n_positive']:,})"
        return [name, size, f"{figures[f'auc_{key}']:.3f}", f"{figures[f'ap_{key}']:.3f}"]

    return Card(
        title="candidate: is this place in the lungs a nodule?",
        what="Five small 2D networks, one a fold. Each takes a square picture of a plane through a place (48 x 48 pixels of 0.7 mm, "
        "HU) and gives log odds. In a scan, `find_candidates` looks for bright blobs of all sizes inside the lungs, asks the networks "
        "on nine planes through each, and combines what they say with the roundness of the blob.",
        data="Patches of LUNA16 candidates, nodule or random candidate. From LIDC-IDRI stacks: slices of nodules that at least two readers "
        "outlined, and as hard examples the brightest blobs at least 4 mm from every outline in the same stacks (vessels, their "
        "crossings, walls). A nodule lies in the middle of its stack and what is beside it near the edge: edges of the nodules' "
        "pictures are hidden as often as those of the others. LIDC-IDRI-0001 was left out.\n\n" + DATA,
        command="lungrisk train NODULES_DIR --net candidate -o BUNDLE",
        recompute="lungrisk evaluate NODULES_DIR --bundle BUNDLE",
        figures=[
            ["on", "n (nodules)", "AUC (95 %)", "average precision"],
            line("patches, out of fold by group", figures),
            plain("the same, mean of the middle of the patch", "centre"),
            plain("the same, logistic regression on rings", "rings"),
            line("nodules in stacks against bright blobs beside them, out of fold by patient, one view", hard),
        ],
        notes=SCANS,
        limits=[
            "The patches' negatives are random candidates, most of them nothing: an AUC there says little of false positives in a scan.",
            "The hard examples are axial slices; that a plane along a vessel shows a line is used at prediction, not trained in 3D.",
            "No nodule over about 30 mm was in the training; larger ones are shown to the networks scaled down, which was seen to work "
            "on the few scans named above and on no others.",
            "False positives in a scan, the weights of the sum and the threshold of acceptance were looked at on four scans only.",
            "Nodules under 5 mm, ground glass and what lies outside the lungs' mask may be missed.",
            "`nodule_probability` is a ranking brought to 0..1; it is not calibrated on a population.",
        ],
    ).text()


# measured once, with scripts/find_pasted.py and the lungs of that day; the run of `train` does not repeat it
SCANS = """## In whole scans

Only four whole scans were at hand. The weights of the sum and the threshold (0.5) were chosen on the first two, so that no blob of theirs but the
known lesion is accepted and most pasted nodules of 6 mm and more are; how masses are placed was worked out on the fourth.

| scan | slices | rank of the known lesion | its probability | accepted |
| --- | --- | --- | --- | --- |
| LIDC-IDRI-0001 (23 mm) | 2.5 mm | 1 | 1.00 | 1 |
| QIN-LSC-0014 (24 mm, with air in it) | 3 mm | 1 | 0.81 | 1 |
| C3N-00247 (18 mm, at the diaphragm) | 3 mm, sharp kernel | 1 | 0.98 | 3 |
| Lung-Dx-A0001 (mass of 77 mm) | 5 mm | 2 | 0.83 | 2 |

The three further accepted places look like nodules (one calcified, one small and solid, one with a cavity); no reader has judged them.

Real nodules of at least three readers, of patients that the judging network had not seen, were pasted into clear places in those lungs: share among
the 40 candidates, and share accepted. What touches pleura or vessels is harder.

| mm | n | among the candidates | accepted |
| --- | --- | --- | --- |
| 3-5 | 132 | 0.83 | 0.45 |
| 5-6 | 134 | 0.96 | 0.73 |
| 6-8 | 138 | 0.95 | 0.77 |
| 8-12 | 124 | 0.98 | 0.96 |
| 12-20 | 155 | 0.96 | 0.94 |
| 20-40 | 110 | 0.97 | 0.93 |

Sums of four runs, one a scan, of

```
python scripts/find_pasted.py NODULES_DIR SCAN
```"""
