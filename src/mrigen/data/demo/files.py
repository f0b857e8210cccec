"""The demo cohort's files: volumes, tables and the notice, the same bytes on every run."""

import gzip
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from mrigen.data.demo.tumour import CONTRASTS, LABELS

MARKER = "# mrigen demo cohort: SYNTHETIC, not people"

README = f"""{MARKER}

Every volume in this folder was computed. None of them shows a person, and nothing measured on
them says anything about people. Use them to try the software, never for research or diagnosis.
Every name starts with `DEMO`, every NIfTI header says `synthetic demo, mrigen`, and the tables
carry a column `SYNTHETIC`.

## How it was made

`mrigen data demo` takes the tissue maps of the MNI ICBM152 template (non-linear symmetric 2009a)
that the Python package nilearn carries, and for each subject: rotates, scales and smoothly warps
them; moves the ventricle walls outwards with age and opens the sulci; adds a skull, a scalp and
a sketch of a face; turns tissues into brightness by the contrast of one of three made-up
scanners; adds smooth shading, blur and Rician noise. Patients of the second set get a tumour
with a necrotic core, an enhancing rim and oedema instead of skull and scalp. The same command
writes the same files.

- `ixi/IXI-T1/`, `ixi/IXI.csv`: T1 heads and demographics in the layout of the IXI data set.
  Sites bear the names of IXI's three hospitals so that readers of that layout work; no data
  come from them. Ages, sexes and `ETHNIC_ID` are drawn at random; `ETHNIC_ID` has no effect.
- `planted.csv`: the age-dependent ventricle volume (ml) that was planted in each head.
- `decathlon/Task01_BrainTumour/`: brains in the layout of the Medical Segmentation Decathlon;
  channels {", ".join(CONTRASTS)}; labels {", ".join(f"{k} {v}" for k, v in LABELS.items())}.

## The template

Fonov V, Evans AC, Botteron K, Almli CR, McKinstry RC, Collins DL, and the Brain Development
Cooperative Group (2011). Unbiased average age-appropriate atlases for pediatric studies.
NeuroImage 54(1), 313-327. doi:10.1016/j.neuroimage.2010.07.033

nilearn's own description of the files names no licence. The notice that the template's
distributors publish with it: Copyright (C) 1993-2004 Louis Collins, McConnell Brain Imaging
Centre, Montreal Neurological Institute, McGill University. Permission to use, copy, modify, and
distribute this software and its documentation for any purpose and without fee is hereby granted,
provided that the above copyright notice appear in all copies. The authors and McGill University
make no representations about the suitability of this software for any purpose. It is provided
"as is" without express or implied warranty. The authors are not responsible for any data loss,
equipment damage, property loss, or injury to subjects or patients resulting from the use or
misuse of this software package.
"""


def write_volume(path: Path, array: NDArray[Any], affine: NDArray[np.float64]) -> None:
    """Write a gzipped NIfTI volume without dates or file names inside.

    Parameters
    ----------
    path
        Ends in `.nii.gz`; its folder exists.
    array
        (X, Y, Z) or (X, Y, Z, C), uint8 or int16.
    affine
        (4, 4), voxel indices to millimetres.
    """
    image = nibabel.Nifti1Image(array, affine, dtype=array.dtype)
    image.header["descrip"] = b"synthetic demo, mrigen"
    image.header["db_name"] = b"mrigen demo"
    image.header["xyzt_units"] = 2  # mm
    image.header["qform_code"] = image.header["sform_code"] = 1  # scanner coordinates
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=6, mtime=0) as file:
        file.write(image.to_bytes())
    path.write_bytes(buffer.getvalue())


def dataset_json(cases: Iterable[str]) -> str:
    """Return `dataset.json` in the Decathlon's format for the named cases."""
    training = [
        {"image": f"./imagesTr/{case}.nii.gz", "label": f"./labelsTr/{case}.nii.gz"}
        for case in cases
    ]
    content = {
        "name": "mrigen demo BRATS",
        "description": "SYNTHETIC brain tumours in the layout of the Medical Segmentation "
        "Decathlon, not people",
        "reference": "doi:10.1016/j.neuroimage.2010.07.033 (template)",
        "licence": "see README.md of the demo cohort",
        "release": "1.0",
        "tensorImageSize": "4D",
        "modality": {str(index): name for index, name in enumerate(CONTRASTS)},
        "labels": {str(value): name for value, name in LABELS.items()},
        "numTraining": len(training),
        "numTest": 0,
        "training": training,
        "test": [],
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"
