"""The studies' networks in Keras, written after the tables of their papers and notebooks.

Runs in an environment with TensorFlow, and knows nothing of mrigen.
"""

from collections.abc import Callable

import keras
from keras import layers

Layer = Callable[[keras.KerasTensor], keras.KerasTensor]


def conv(channels: int, kernel: int, stride: int = 1, **more: object) -> Layer:
    return layers.Conv2D(channels, kernel, strides=stride, padding="same", **more)


def up_conv(channels: int, kernel: int, stride: int = 2, **more: object) -> Layer:
    return layers.Conv2DTranspose(channels, kernel, strides=stride, padding="same", **more)


def chain(features: keras.KerasTensor, *steps: Layer) -> keras.KerasTensor:
    for step in steps:
        features = step(features)
    return features


# Tablado


def vae_encoder() -> keras.Model:
    images = features = keras.Input((128, 128, 1))
    for width in (16, 32, 64, 256, 1024):
        features = chain(
            features, conv(width, 4, 2), layers.BatchNormalization(), layers.LeakyReLU(0.3)
        )
    features = layers.Flatten()(features)
    return keras.Model(images, [layers.Dense(1024)(features), layers.Dense(1024)(features)])


def vae_decoder() -> keras.Model:
    latents = keras.Input((1024,))
    features = chain(latents, layers.Dense(16 * 1024), layers.Reshape((4, 4, 1024)))
    for width in (256, 64, 32, 16):
        features = chain(
            features, up_conv(width, 4), layers.BatchNormalization(), layers.LeakyReLU(0.3)
        )
    return keras.Model(latents, up_conv(1, 4, activation="sigmoid", dtype="float32")(features))


def vqvae_encoder() -> keras.Model:
    images = features = keras.Input((128, 128, 1))
    for width in (32, 32, 64, 64, 64, 64):
        features = chain(
            features, conv(width, 4, 2), layers.BatchNormalization(), layers.LeakyReLU(0.3)
        )
    return keras.Model(images, conv(16, 1, dtype="float32")(features))


def vqvae_decoder() -> keras.Model:
    codes = features = keras.Input((2, 2, 16))
    for width in (64, 64, 64, 32, 1):
        features = chain(
            features, up_conv(width, 4), layers.BatchNormalization(), layers.LeakyReLU(0.3)
        )
    return keras.Model(codes, up_conv(1, 4, activation="sigmoid", dtype="float32")(features))


# Feliu


def gan_generator(depth: int) -> keras.Model:
    start, hidden = {
        4: (64, ()),
        7: (256, ((128, 2), (64, 1))),
        15: (256, ((256, 2), (128, 1), (128, 2), (64, 1))),
    }[depth]
    grid = 56 // 2 ** sum(stride == 2 for _, stride in hidden)
    noise = keras.Input((100,))
    features = layers.Dense(grid * grid * start, use_bias=False)(noise)
    if not hidden:
        features = layers.LeakyReLU(0.01)(features)
    features = layers.Reshape((grid, grid, start))(features)
    for width, stride in hidden:
        features = chain(
            features,
            up_conv(width, 5, stride),
            layers.BatchNormalization(),
            layers.LeakyReLU(0.01),
        )
    return keras.Model(noise, up_conv(1, 5, activation="tanh", dtype="float32")(features))


def gan_discriminator() -> keras.Model:
    images = keras.Input((112, 112, 1))
    features = chain(images, conv(32, 5, 2), layers.LeakyReLU(0.01))
    for width in (64, 128):
        features = chain(
            features, conv(width, 5, 2), layers.BatchNormalization(), layers.LeakyReLU(0.01)
        )
    features = layers.Flatten()(features)
    return keras.Model(images, layers.Dense(1, activation="sigmoid", dtype="float32")(features))


# Arnaiz


def norm_relu(features: keras.KerasTensor) -> keras.KerasTensor:
    return layers.ReLU()(layers.BatchNormalization()(features))


def full_pre_block(
    features: keras.KerasTensor, channels: int, stride: int = 1, *, shortcut: bool
) -> keras.KerasTensor:
    answer = chain(features, norm_relu, conv(channels, 3, stride), norm_relu, conv(channels, 3))
    passed = conv(channels, 1, stride)(features) if shortcut else features
    return layers.Add()([passed, answer])


def up(features: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    return norm_relu(up_conv(channels, 3)(features))


def output(features: keras.KerasTensor) -> keras.KerasTensor:
    return conv(1, 3, activation="sigmoid", dtype="float32")(features)


def shallow_residual_ae(*, skips: bool = False) -> keras.Model:
    images = keras.Input((128, 128, 1))
    first = conv(32, 3, 2)(images)
    second = full_pre_block(first, 64, 2, shortcut=True)
    second = full_pre_block(second, 64, shortcut=False)
    features = up(full_pre_block(second, 128, 2, shortcut=True), 64)
    if skips:
        features = layers.Concatenate()([features, second])
    features = up(features, 32)
    if skips:
        features = layers.Concatenate()([features, first])
    return keras.Model(images, output(up(features, 16)))


def residual_unet() -> keras.Model:
    return shallow_residual_ae(skips=True)


def skip_cae() -> keras.Model:
    images = features = keras.Input((128, 128, 1))
    skips = []
    for width in (32, 64, 128):
        features = layers.BatchNormalization()(conv(width, 3, 2)(features))
        skips.append(features)
        features = layers.ReLU()(features)
    for width, skip in ((64, skips[1]), (32, skips[0])):
        features = layers.BatchNormalization()(up_conv(width, 3)(features))
        features = layers.ReLU()(layers.Add()([features, skip]))
    return keras.Model(images, output(up(features, 16)))


def myronenko_cae() -> keras.Model:
    images = keras.Input((128, 128, 1))
    features = layers.SpatialDropout2D(0.1)(conv(32, 3)(images))
    for width, blocks in ((32, 1), (64, 2), (128, 2)):
        for _ in range(blocks):
            features = full_pre_block(features, width, shortcut=True)
        features = conv(width, 3, 2)(features)
    return keras.Model(images, output(up(up(up(features, 64), 32), 16)))


# Lorente


def unet() -> keras.Model:
    def rectified(channels: int, kernel: int = 3) -> Layer:
        return conv(channels, kernel, activation="relu", kernel_initializer="he_normal")

    images = features = keras.Input((64, 64, 1))
    skips = []
    for level, width in enumerate((64, 128, 256, 512, 1024)):
        if level:
            features = layers.MaxPooling2D()(features)
        features = chain(features, rectified(width), rectified(width))
        if level >= 3:
            features = layers.Dropout(0.5)(features)
        skips.append(features)
    for width, skip in zip((512, 256, 128, 64), skips[-2::-1], strict=True):
        larger = rectified(width, 2)(layers.UpSampling2D()(features))
        features = layers.Concatenate()([skip, larger])
        features = chain(features, rectified(width), rectified(width))
    features = rectified(2)(features)
    return keras.Model(images, conv(1, 1, activation="relu", dtype="float32")(features))
