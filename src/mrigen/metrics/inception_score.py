"""The Inception Score: how sure a classifier is of each image, and how varied its answers are."""

import math

from torch import Tensor
from torch.nn import functional

from mrigen.metrics.feature_sets import checked_features


def inception_score(logits: Tensor) -> float:
    """Return the Inception Score of a set of images.

    Parameters
    ----------
    logits : (N, classes)
        Answers of the Inception network to the images.

    Returns
    -------
    float
        `exp(mean KL(p(y|x) || p(y)))`: from 1, where all images get the same answer, to the
        number of images or of classes, whichever is smaller. The classes are those of
        photographs: for slices only a comparison with real slices says anything.

    Raises
    ------
    DataError
        If there are no images, or a logit is not finite.

    Notes
    -----
    The paper averages over ten parts of 5,000 images each. Here all images are one part: p(y)
    needs many, and parts of the few slices at hand would lower the score by their size alone.

    References
    ----------
    Salimans et al., "Improved techniques for training GANs", 2016, arXiv:1606.03498; Barratt and
    Sharma, "A note on the Inception Score", 2018, arXiv:1801.01973.
    """
    log_conditional = functional.log_softmax(checked_features(logits, what="logits"), dim=1)
    log_marginal = log_conditional.logsumexp(0) - math.log(len(logits))
    divergence = log_conditional.exp() * (log_conditional - log_marginal)
    # The mean of divergences from the own mean is never negative, but for rounding.
    return float(divergence.sum(1).mean().clamp(min=0).exp())
