"""From the arrays of a store to what the networks are shown: the same arithmetic in training and in the exported graph."""

import torch
from torch import Tensor

HU_WINDOW = -1000.0, 400.0  # as the recipe "seed"
HU_MIDDLE, HU_SPREAD = -300.0, 700.0  # takes the window to -1..1

# of the columns of `numbers`, where they are not shares already: rating 1..5, diameter in mm, volume in mm3, HU
RATING_MIDDLE = 3.0
DIAMETER_MM, VOLUME_MM3 = 10.0, 524.0  # a ball of 10 mm
NODULE_HU, NODULE_HU_SPREAD = -200.0, 400.0
LARGEST_LOG = 3.0  # what is 20 times as wide is no wider than that to the networks


def shown(name: str, array: Tensor) -> Tensor:
    """An array of the store, batch first, as float32 about -1..1; masks as 0 or 1; everything of absent nodules 0.

    name: of the array; names without a rule pass as they are.

    >>> shown("volume", torch.tensor([[[[-1000, -300, 4000]]]], dtype=torch.int16)).flatten().tolist()
    [-1.0, 0.0, 1.0]
    """
    array = array.float()
    if name in ("volume", "crops"):
        return (array.clamp(*HU_WINDOW) - HU_MIDDLE) / HU_SPREAD
    if name in ("lungs", "masks"):
        return (array > 0).float()
    if name == "numbers":
        return _numbers(array)
    return array


def _numbers(array: Tensor) -> Tensor:
    rating, spread, probability, accepted, diameter, volume, hu, height, share, present = array.unbind(-1)
    columns = [
        rating - RATING_MIDDLE,
        spread,
        probability,
        accepted,
        torch.log(diameter.clamp_min(1.0) / DIAMETER_MM).clamp(-LARGEST_LOG, LARGEST_LOG),
        torch.log(volume.clamp_min(1.0) / VOLUME_MM3).clamp(-3 * LARGEST_LOG, 3 * LARGEST_LOG) / 3,
        ((hu - NODULE_HU) / NODULE_HU_SPREAD).clamp(-3.0, 3.0),
        height - 0.5,
        share,
        present,
    ]
    return torch.stack(columns, -1) * present[..., None]
