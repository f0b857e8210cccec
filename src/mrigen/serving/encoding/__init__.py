"""Images as files, made piece by piece: the same images always give the same bytes."""

from mrigen.serving.encoding.samples import ENDINGS, MEDIA_TYPES, Encoder, file_stem, sample_encoder

__all__ = ["ENDINGS", "MEDIA_TYPES", "Encoder", "file_stem", "sample_encoder"]
