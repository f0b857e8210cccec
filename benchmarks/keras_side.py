"""The Keras half of `keras_training.py`: trains on command and answers how long it took.

Runs in an environment with TensorFlow. Commands come as lines of JSON on the standard input:
`{"build": network, "form": form, "batch": 32, "optimizer": "adam", "learning_rate": 1e-3}` answers
the number of parameters, and `{"form": form, "steps": 3}` the seconds that so many updates took, by
two clocks.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import keras_networks as networks

Step = Callable[[], tf.Tensor]


def gradient_step(
    models: list[keras.Model],
    optimizer: keras.optimizers.Optimizer,
    loss: Callable[[], tf.Tensor],
    more: tuple[keras.Variable, ...] = (),
) -> Step:
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = loss()
        weights = [weight for model in models for weight in model.trainable_variables] + list(more)
        optimizer.apply(tape.gradient(value, weights), weights)
        return value

    return step


def vae_step(images: tf.Tensor, make_optimizer: Callable) -> tuple[Step, int]:
    encoder, decoder = networks.vae_encoder(), networks.vae_decoder()

    def loss() -> tf.Tensor:
        mean, log_variance = (tf.cast(v, tf.float32) for v in encoder(images, training=True))
        latents = mean + tf.exp(0.5 * log_variance) * tf.random.normal(tf.shape(mean))
        squared = tf.square(images - decoder(latents, training=True))
        divergence = -0.5 * tf.reduce_sum(
            1 + log_variance - tf.square(mean) - tf.exp(log_variance), axis=1
        )
        return 1000 * tf.reduce_mean(squared) + tf.reduce_mean(divergence)

    count = encoder.count_params() + decoder.count_params()
    return gradient_step([encoder, decoder], make_optimizer(), loss), count


def vqvae_step(images: tf.Tensor, make_optimizer: Callable) -> tuple[Step, int]:
    encoder, decoder = networks.vqvae_encoder(), networks.vqvae_decoder()
    codebook = keras.Variable(keras.random.uniform((16, 128), -0.05, 0.05))

    def loss() -> tf.Tensor:
        encoded = encoder(images, training=True)
        flat, codes = tf.reshape(encoded, (-1, 16)), codebook.value
        distances = (
            tf.reduce_sum(flat**2, axis=1, keepdims=True)
            + tf.reduce_sum(codes**2, axis=0)
            - 2 * flat @ codes
        )
        one_hot = tf.one_hot(tf.argmin(distances, axis=1), 128)
        quantized = tf.reshape(tf.matmul(one_hot, codes, transpose_b=True), tf.shape(encoded))
        commitment = tf.reduce_mean((tf.stop_gradient(quantized) - encoded) ** 2)
        movement = tf.reduce_mean((quantized - tf.stop_gradient(encoded)) ** 2)
        passed = encoded + tf.stop_gradient(quantized - encoded)
        squared = tf.square(images - decoder(passed, training=True))
        return tf.reduce_mean(squared) / 0.37676 + 0.25 * commitment + movement

    count = encoder.count_params() + decoder.count_params() + 16 * 128
    return gradient_step([encoder, decoder], make_optimizer(), loss, (codebook,)), count


def gan_step(images: tf.Tensor, make_optimizer: Callable, depth: int) -> tuple[Step, int]:
    generator, discriminator = networks.gan_generator(depth), networks.gan_discriminator()

    # The parent code's: a sigmoid in the network and another one in the loss. (Keras 3's own
    # BinaryCrossentropy(from_logits=True) would find out and take the first one back.)
    def entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))

    of_generator, of_discriminator = make_optimizer(), make_optimizer()

    def step() -> tf.Tensor:
        noise = tf.random.normal((images.shape[0], 100))
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            fakes = generator(noise, training=True)
            real, fake = discriminator(images, training=True), discriminator(fakes, training=True)
            generator_loss = entropy(tf.ones_like(fake), fake)
            loss = entropy(tf.ones_like(real), real) + entropy(tf.zeros_like(fake), fake)
        for tape, value, model, optimizer in (
            (generator_tape, generator_loss, generator, of_generator),
            (discriminator_tape, loss, discriminator, of_discriminator),
        ):
            weights = model.trainable_variables
            optimizer.apply(tape.gradient(value, weights), weights)
        return loss

    return step, generator.count_params() + discriminator.count_params()


def restoring_step(images: tf.Tensor, make_optimizer: Callable, name: str) -> tuple[Step, int]:
    model = getattr(networks, name)()

    def loss() -> tf.Tensor:
        return tf.reduce_mean(tf.square(images - model(images, training=True)))

    return gradient_step([model], make_optimizer(), loss), model.count_params()


def build(command: dict) -> tuple[Step, int]:
    """Make the step in one of three forms: float32, compiled by XLA, or mixed bfloat16."""
    name, form = command["build"], command["form"]
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16" if form == "bf16" else "float32")
    size = {"gan": 112, "une": 64}.get(name[:3], 128)
    images = tf.constant(np.random.default_rng(0).random((command["batch"], size, size, 1), "f4"))

    def make_optimizer() -> keras.optimizers.Optimizer:
        kind = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
        return kind[command["optimizer"]](command["learning_rate"])

    if name == "vae":
        step, count = vae_step(images, make_optimizer)
    elif name == "vqvae":
        step, count = vqvae_step(images, make_optimizer)
    elif name.startswith("gan"):
        step, count = gan_step(images, make_optimizer, int(name[3:]))
    else:
        step, count = restoring_step(images, make_optimizer, name)
    return tf.function(step, jit_compile=form == "xla"), count


def answers(commands: Iterator[str]) -> Iterator[dict]:
    steps: dict[str, Step] = {}
    for line in commands:
        command = json.loads(line)
        if "build" in command:
            steps[command["form"]], count = build(command)
            yield {"parameters": count}
        else:
            step = steps[command["form"]]
            clocks = {"perf_counter": time.perf_counter, "process_time": time.process_time}
            starts = {name: clock() for name, clock in clocks.items()}
            for _ in range(command["steps"]):
                value = step()
            loss = float(value)  # waits for the last
            spent = {name: clock() - starts[name] for name, clock in clocks.items()}
            yield {**spent, "loss": loss}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    for answer in answers(iter(sys.stdin.readline, "")):
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
