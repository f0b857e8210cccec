"""Small files as clients send them: pictures, archives and volumes in memory."""

import gzip
import io
import struct
import zipfile
import zlib

import nibabel as nib
import numpy as np
from PIL import Image

import phantoms

AFFINE = np.diag([-16.0, 16.0, 16.0, 1.0])
AFFINE[:3, 3] = (90, -100, -70)


def head(shape=(12, 14, 13)):
    """Return a head of whole numbers, right to left in its first axis."""
    return phantoms.head(shape, (16, 16, 16)).astype(np.int16)[::-1]


def nifti(array=None, *, kind=nib.Nifti1Image, order="<", packed=False, affine=AFFINE, **fields):
    """Return a NIfTI file; `fields` of its header are changed as they are told."""
    array = head() if array is None else array
    header = kind.header_class(endianness=order)
    header.set_data_dtype(array.dtype)
    image = kind(array, affine, header)
    content = bytearray(image.to_bytes())
    if fields:
        changed = image.header.copy()
        for name, value in fields.items():
            changed[name] = value
        content[: len(changed.binaryblock)] = changed.binaryblock
    return gzip.compress(bytes(content), 1, mtime=0) if packed else bytes(content)


def opened(content):
    """Return the NIfTI image in a file, plain or gzipped."""
    plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    size = int(np.frombuffer(plain[:4], "<i4")[0])
    kind = nib.Nifti1Image if size in (348, 1543569408) else nib.Nifti2Image
    return kind.from_bytes(plain)


def png(pixels, mode=None, **options):
    """Return a PNG file of uint8 or uint16 pixels."""
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, "PNG", **options)
    return buffer.getvalue()


def chunk(kind, data):
    """Return one part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def made_png(width, height, packed, *extra):
    """Return a PNG file that declares 8-bit grey pixels and holds what it is told."""
    start = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", start), *extra, chunk(b"IDAT", packed), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def npz(images, *, packed=False, **others):
    """Return what `numpy.savez` writes."""
    buffer = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(buffer, images=images, **others)
    return buffer.getvalue()


def npy(shape, data, descr="<f4", *, fortran=False):
    """Return an array file that declares a shape and holds what it is told."""
    buffer = io.BytesIO()
    described = {"descr": descr, "fortran_order": fortran, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, described)
    return buffer.getvalue() + data


def made_npz(*members, method=zipfile.ZIP_DEFLATED):
    """Return an archive of (name, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def unzipped(content):
    """Return the arrays of an NPZ file."""
    with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
        return dict(loaded)


def noise(*shape, seed=0):
    """Return random pixels, float32 in [0, 1]."""
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def as_bytes(pixels):
    """Round pixels in [0, 1] to eight bits."""
    return np.rint(pixels * 255).astype(np.uint8)
