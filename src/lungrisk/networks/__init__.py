"""Networks: tensors in, tensors out; one a file. This table needs no torch."""

NETWORKS = {
    "malignancy": "the readers' mean malignancy rating (1..5) of a nodule from planes through it and its measured features",
    "candidate": "whether a place in the lungs is a nodule",
    "outline": "the outline of a nodule from a point inside it",
}
