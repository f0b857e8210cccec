"""The studies' networks, layer by layer, as small Keras files."""

from keras_files import Answer, KerasModel


def shallow(model: KerasModel, *, base=4, block="full_pre", norms=1, skips=False, crossed=False):
    """Arnaiz's shallow residual autoencoder, or with `skips` his residual U-Net."""
    make = {"full_pre": full_pre_block, "original": original_block}[block]
    first = model.conv(model.input, base, stride=2)
    middle = make(model, first, 2 * base, 2, norms=norms, crossed=crossed)
    middle = make(model, middle, 2 * base, 1, norms=norms, crossed=crossed)
    x = make(model, middle, 4 * base, 2, norms=norms, crossed=crossed)
    x = up(model, x, 2 * base)
    x = up(model, model.concatenate(x, middle) if skips else x, base)
    x = up(model, model.concatenate(x, first) if skips else x, base // 2)
    return model.conv(x, 1, activation="sigmoid")


def skip_cae(model: KerasModel, *, base=4, crossed=False) -> Answer:
    first = model.norm(model.conv(model.input, base, stride=2))
    second = model.norm(model.conv(model.relu(first), 2 * base, stride=2))
    third = model.norm(model.conv(model.relu(second), 4 * base, stride=2))
    x = model.norm(model.up_conv(model.relu(third), 2 * base))
    x = model.relu(model.add(second, x) if crossed else model.add(x, second))
    x = model.relu(model.add(model.norm(model.up_conv(x, base)), first))
    x = up(model, x, base // 2)
    # The output's sigmoid as a layer of its own.
    return model.activation(model.conv(x, 1), "sigmoid")


def myronenko_cae(model: KerasModel, *, base=2) -> Answer:
    x = model.dropout(model.conv(model.input, base), 0.25)
    for level, blocks in enumerate((1, 2, 2)):
        for _ in range(blocks):
            x = full_pre_block(model, x, base * 2**level, 1, always=True)
        x = model.conv(x, base * 2**level, stride=2)
    for width in (2 * base, base, base // 2):
        x = up(model, x, width)
    return model.conv(x, 1, activation="sigmoid")


def unet(model: KerasModel, *, base=2, paired=True) -> Answer:
    """Lorente's U-Net with two halvings."""
    first = double(model, model.input, base)
    second = model.dropout(double(model, model.max_pool(first), 2 * base), 0.5, "Dropout")
    x = model.dropout(double(model, model.max_pool(second), 4 * base), 0.5, "Dropout")
    first = model.dropout(first, 0.0, "Dropout")
    for skip, width in ((second, 2 * base), (first, base)):
        x = model.conv(model.up_sample(x), width, 2, activation="relu")
        x = double(model, model.concatenate(skip, x), width)
    if paired:
        x = model.conv(x, 2, activation="relu", positive=True)
    return model.conv(x, 1, 1, activation="relu", positive=True)


def full_pre_block(model, x, filters, stride, *, norms=1, always=False, crossed=False):
    residual = x
    for step in (stride, 1):
        for _ in range(norms):
            residual = model.norm(residual)
        residual = model.conv(model.relu(residual), filters, stride=step)
    if always or stride != 1:
        x = model.conv(x, filters, 1, stride, padding="valid")
    return model.add(residual, x) if crossed else model.add(x, residual)


def original_block(model, x, filters, stride, *, norms=1, crossed=False):
    residual = model.conv(x, filters, stride=stride)
    for _ in range(norms):
        residual = model.norm(residual)
    residual = model.norm(model.conv(model.relu(residual), filters))
    if stride != 1:
        x = model.conv(x, filters, 1, stride)
    return model.relu(model.add(residual, x) if crossed else model.add(x, residual))


def up(model, x, filters):
    return model.relu(model.norm(model.up_conv(x, filters)))


def double(model, x, filters):
    return model.conv(model.conv(x, filters, activation="relu"), filters, activation="relu")
