"""Networks: tensors in, tensors out; one a file. These tables need no torch."""

# trained on a folder of nodules
NODULE_NETWORKS = {
    "malignancy": "the readers' mean malignancy rating (1..5) of a nodule from planes through it and its measured features",
    "candidate": "whether a place in the lungs is a nodule",
    "outline": "the outline of a nodule from a point inside it",
}
# trained on a store of patients with labels
PATIENT_NETWORKS = {
    "seed": "the seed's network on 50 x 50 x 20 voxels: there to teach and to be beaten",
    "resnet3d": "a 3D residual network over both lungs at 3 mm that learns where to look",
    "resnet3d-18": "resnet3d with 18 layers, where it has 10",
    "nodules": "the suspicious nodules of a scan through the shipped malignancy network, joined by a leaky noisy-or, trained end to end",
    "backbone": "a small head on what the shipped malignancy network sees of the nodules: trains in seconds",
}
NETWORKS = {**NODULE_NETWORKS, **PATIENT_NETWORKS}
