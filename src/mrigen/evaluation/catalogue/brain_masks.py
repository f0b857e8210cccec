"""What restoration is worth to a program that looks for the brain."""

from mrigen.evaluation.catalogue.metric import Metric

METRICS = (
    Metric(
        "brain_dice_restored",
        "Brain mask, restored",
        "Agreement (Dice) of the brain mask of a restored volume with that of the clean one; 1 is "
        "the same mask.",
        "higher",
        "brain_masks",
        4,
    ),
    Metric(
        "brain_dice_gain",
        "Brain mask, gain",
        "By how much restoration brought the brain mask of a damaged volume closer to that of the "
        "clean one, in Dice; below 0 it did harm.",
        "higher",
        "brain_masks",
        4,
    ),
    Metric(
        "brain_dice_damaged",
        "Brain mask, damaged",
        "The same agreement before restoration: how much the damage matters to the mask at all.",
        None,
        "brain_masks",
        4,
    ),
)
