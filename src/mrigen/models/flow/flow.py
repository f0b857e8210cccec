"""A generator that follows a learned velocity from noise to an image."""

from collections.abc import Iterable
from copy import copy, deepcopy
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrigen.errors import ModelError
from mrigen.models.flow.coefficients import BlockCoefficients
from mrigen.models.flow.conditioning import check_asked
from mrigen.models.flow.config import FlowConfig
from mrigen.models.flow.solver import Velocity, follow
from mrigen.models.flow.velocity_unet import VelocityUNet
from mrigen.models.interfaces import Condition, Conditions

MAX_PLACES = 64**2  # that attention compares with each other


class Flow(nn.Module):
    """Flow matching on the straight path from noise to images.

    The path runs over the cosine coefficients of blocks of pixels: with blocks of 4 x 4 every
    layer works on a sixteenth of the places. At time t in [0, 1] a point is
    `(1 - t) * noise + t * data`, and the network answers with the velocity `data - noise` that
    it expects there.

    With preconditioning "edm" it starts as the best answer to coefficients that are normal and
    independent, with the spread that was measured, and learns what they are not.

    With autoguidance it keeps a copy of itself from early in the training, and from a time on the
    path on goes away from what that copy expects: both err in the same directions, the copy
    farther.

    Parameters
    ----------
    config
        Sizes, conditions, and how it is drawn from.
    image_size
        Height and width of the images in pixels.

    Raises
    ------
    ModelError
        If the image cannot be cut into blocks and halved `depth` times, or attention would look
        at too many places.

    References
    ----------
    Lipman et al. 2023, doi:10.48550/arXiv.2210.02747; Liu et al. 2023,
    doi:10.48550/arXiv.2209.03003; guidance: Ho and Salimans 2022,
    doi:10.48550/arXiv.2207.12598; preconditioning: Karras et al. 2022,
    doi:10.48550/arXiv.2206.00364; autoguidance: Karras et al. 2024,
    doi:10.48550/arXiv.2406.02507; on a part of the path: Kynkäänniemi et al. 2024,
    doi:10.48550/arXiv.2404.07724
    """

    has_guide: Tensor

    def __init__(self, config: FlowConfig, image_size: int) -> None:
        super().__init__()
        unit = config.block * 2**config.depth
        if image_size % unit:
            raise ModelError(
                f"images of {image_size} pixels do not suit a 'flow' of block {config.block} and "
                f"depth {config.depth}: expected a multiple of {unit}. Change the dataset's "
                "'size', or lower 'block' or 'depth'."
            )
        _check_attention(config, image_size)
        self.config = config
        self.image_size = image_size
        self.label_size = config.label_size
        self.coefficients = BlockCoefficients(config.block, image_size, whitening=config.whitening)
        self.unet = VelocityUNet(config.block**2, config)
        self.guide: VelocityUNet | None = None
        if config.autoguidance is not None:
            self.guide = deepcopy(self.unet).requires_grad_(False)
            self.register_buffer("has_guide", torch.tensor(False))

    @property
    def noise_shape(self) -> tuple[int, int, int]:
        """Shape of the standard normal noise behind one image."""
        return 1, self.image_size, self.image_size

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What it can be asked for."""
        return self.config.conditions.listed()

    def measure(self, images: Iterable[Tensor]) -> None:
        """Take the mean and the spread of coefficients from images, before anything is learned."""
        self.coefficients.measure(images)

    @property
    def guide_share(self) -> float | None:
        """Share of the training after which a guide is kept; None where there is none."""
        settings = self.config.autoguidance
        return None if settings is None else settings.share

    @torch.no_grad()
    def keep_guide(self, source: nn.Module) -> None:
        """Copy the weights of a flow of the same configuration to the guide."""
        assert isinstance(source, Flow)
        assert self.guide is not None
        self.guide.load_state_dict(source.unet.state_dict())
        self.has_guide.fill_(True)

    def to_data(self, images: Tensor) -> Tensor:
        """Map (N, 1, H, W) images in [0, 1] to the end of the path."""
        data: Tensor = self.coefficients(images)
        return data

    def to_images(self, data: Tensor) -> Tensor:
        """Map ends of the path to (N, 1, H, W) images in [0, 1]."""
        return self.coefficients.inverse(data).clamp(0, 1)

    def velocity(
        self,
        points: Tensor,
        times: Tensor,
        conditions: Conditions | None = None,
        label: Tensor | None = None,
    ) -> Tensor:
        """Return the velocity expected at points of the path.

        Parameters
        ----------
        points : (N, block**2, H / block, W / block) float32
        times : (N,) float32 in [0, 1]
        conditions
            (N,) float32 by name, NaN where nothing is known; None knows nothing.
        label : (N, label_size) float32 or None
            How the image was augmented; None says not at all.

        Returns
        -------
        (N, block**2, H / block, W / block) float32
        """
        return self._velocity(self.unet, points, times, conditions, label)

    def _velocity(
        self,
        unet: VelocityUNet,
        points: Tensor,
        times: Tensor,
        conditions: Conditions | None,
        label: Tensor | None = None,
    ) -> Tensor:
        t = times[:, None, None, None]
        spread = self.coefficients.spread
        # Of the points, as noise and data are independent; that of noise is 1.
        variance = (1 - t).square() + (t * spread).square()
        answer: Tensor = unet(points * variance.rsqrt(), times, conditions, label).float()
        if self.config.preconditioning == "none":
            return answer
        # What a straight line through the points explains, and the rest at its own scale.
        explained = points * (t * spread.square() - (1 - t)) / variance
        return explained + answer * spread * variance.rsqrt()

    def sample(self, noise: Tensor, conditions: Conditions | None = None) -> Tensor:
        """Follow the path from noise to images: a pure function of its arguments.

        Parameters
        ----------
        noise : (N, *noise_shape) float32
        conditions
            (N,) float32 by name, NaN where nothing is asked for.

        Returns
        -------
        (N, 1, H, W) float32 in [0, 1]

        Raises
        ------
        ModelError
            If something is asked for that the network does not know.
        """
        return self._drawn(noise, conditions, self.config.sampling.steps)

    def sample_quickly(self, noise: Tensor, conditions: Conditions | None = None) -> Tensor:
        """Do as `sample` does in fewer steps: near to its images, not equal to them."""
        return self._drawn(noise, conditions, self.config.sampling.quick_steps)

    def for_stacks(self) -> "Flow":
        """Return it with the guidance of stacks: another view of the same weights.

        Itself, if stacks are drawn as all else is.
        """
        sampling = self.config.sampling
        if sampling.stack_guidance in (None, sampling.guidance):
            return self
        guided = sampling.model_copy(update={"guidance": sampling.stack_guidance})
        view = copy(self)
        view.config = self.config.model_copy(update={"sampling": guided})
        return view

    def _drawn(self, noise: Tensor, conditions: Conditions | None, steps: int) -> Tensor:
        asked = conditions or {}
        check_asked(self.conditions, asked)
        if self.config.sampling.guidance == 0:
            asked = {}  # the guide is not told either
        guided = self.config.sampling.guidance != 1 and any(
            not values.isnan().all() for values in asked.values()
        )
        told = partial(self._guided if guided else self.velocity, conditions=asked)
        velocity = told
        if self.guide is not None and self.has_guide:
            velocity = partial(self._autoguided, told=told, guide=self.guide, conditions=asked)
        # Noise is the same in any orthonormal basis: its pixels serve as coefficients.
        begin = functional.pixel_unshuffle(noise, self.config.block)
        last_step = self.config.sampling.last_step
        # The jump at the end is to the image that is expected, which needs no push.
        data = follow(velocity, begin, steps=steps, last_step=last_step, last_velocity=told)
        return self.to_images(data)

    def _guided(self, points: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        told = self.velocity(points, times, conditions)
        # Where nothing is asked for both are equal, and so are the bytes of what comes of them.
        return torch.lerp(self.velocity(points, times), told, self.config.sampling.guidance)

    def _autoguided(
        self,
        points: Tensor,
        times: Tensor,
        *,
        told: Velocity,
        guide: VelocityUNet,
        conditions: Conditions,
    ) -> Tensor:
        settings = self.config.autoguidance
        assert settings is not None
        better = told(points, times)
        # All paths are at the same time.
        if (times < settings.start).all():
            return better
        worse = self._velocity(guide, points, times, conditions)
        return torch.lerp(worse, better, settings.weight)


def _check_attention(config: FlowConfig, image_size: int) -> None:
    if not config.attention_levels:
        return
    finest = max(0, config.depth + 1 - config.attention_levels)
    places = (image_size // config.block >> finest) ** 2
    if places > MAX_PLACES:
        raise ModelError(
            f"'attention_levels' is {config.attention_levels}, and the finest of these levels has "
            f"{places:,} places at images of {image_size} pixels: expected at most {MAX_PLACES:,}, "
            "each of which looks at all others. Lower it, or raise 'block' or 'depth'."
        )
