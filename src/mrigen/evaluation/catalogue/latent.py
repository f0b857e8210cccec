"""What a latent carries."""

from mrigen.evaluation.catalogue.metric import Metric

METRICS = (
    Metric(
        "rate_bits",
        "Rate",
        "Information about a slice that its latent carries; few bits blur, more are no flaw.",
        None,
        "latent",
        1,
        "bits",
    ),
    Metric(
        "active_units",
        "Latents in use",
        "Latents that differ between test slices; all others have collapsed to noise.",
        None,
        "latent",
        0,
    ),
    Metric("latent_size", "Latents", "Latents that there are.", None, "latent", 0),
    Metric(
        "noise_std",
        "Noise of a pixel",
        "Standard deviation around the decoder's answer that the training took for granted.",
        None,
        "latent",
        3,
    ),
    Metric(
        "elbo_nats",
        "Evidence lower bound",
        "Log-likelihood of a test slice, at least, under the training's own noise.",
        "higher",
        "latent",
        1,
        "nats",
    ),
    Metric(
        "bits_per_pixel",
        "Bits per pixel",
        "The same as the cost of a pixel of 8 bits; 8 is what storing it plainly costs.",
        "lower",
        "latent",
        3,
    ),
    Metric(
        "calibrated_noise_std",
        "Best noise of a pixel",
        "Root of the mean squared error on slices that are not test slices.",
        None,
        "latent",
        3,
    ),
    Metric(
        "calibrated_elbo_nats",
        "Bound, best noise",
        "The evidence lower bound under that noise: comparable between any two losses.",
        "higher",
        "latent",
        1,
        "nats",
    ),
    Metric(
        "calibrated_bits_per_pixel",
        "Bits per pixel, best noise",
        "The same as the cost of a pixel of 8 bits.",
        "lower",
        "latent",
        3,
    ),
    Metric(
        "latent_r2",
        "Read from the latents",
        "Share of the variance between test slices that linear regression reads from their "
        "latents; 0 is nothing, 1 everything.",
        None,
        "latent",
        2,
    ),
    Metric(
        "latent_balanced_accuracy",
        "Told from the latents",
        "How often linear regression tells two classes of test subjects from the latents; 0.5 is "
        "guessing.",
        None,
        "latent",
        2,
    ),
)
