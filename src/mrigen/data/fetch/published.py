"""The published cohorts: addresses, checksums, what their archives hold, and their licences."""

from dataclasses import dataclass
from typing import Literal

CohortName = Literal["ixi", "decathlon"]

_GIB = 2**30


@dataclass(frozen=True)
class PublishedFile:
    """One file to download.

    Attributes
    ----------
    name
        Of the file, here and when it was put here by hand.
    addresses
        Where it lies; the next one is tried when one cannot be reached.
    md5
        In hexadecimal; None where the publisher changes the file without a new name.
    signature
        The first bytes of such a file.
    max_bytes
        A larger answer is refused.
    """

    name: str
    addresses: tuple[str, ...]
    md5: str | None
    signature: bytes = b""
    max_bytes: int = 32 * _GIB


@dataclass(frozen=True)
class PublishedCohort:
    """One cohort, as a source of `params.yaml` reads it.

    Attributes
    ----------
    archive
        An uncompressed tar file.
    folder
        Where the archive's files go, inside the cohort's folder.
    members
        Pattern of the names in the archive that belong to the cohort; its group `name` is the
        place in `folder`. Other files are left out.
    max_members, max_bytes
        The most that the archive may hold.
    tables
        Further files, beside `folder`.
    default
        The cohort's folder, relative to the project.
    source
        The line for `params.yaml`, with the place of the cohort's folder.
    licence, attribution
        Told to whoever downloads, and written beside the data.
    """

    archive: PublishedFile
    folder: str
    members: str
    max_members: int
    max_bytes: int
    tables: tuple[PublishedFile, ...]
    default: str
    source: str
    licence: str
    attribution: str


# The addresses are those of https://brain-development.org/ixi-dataset/, and TorchIO
# (src/torchio/datasets/ixi.py) states the archive's MD5. The second address is the copy that
# MONAI's tutorials use, with the same MD5. Two versions of the spreadsheet with different
# checksums are about, so it is known by its format alone.
_IXI = PublishedCohort(
    archive=PublishedFile(
        name="IXI-T1.tar",
        addresses=(
            "https://biomedic.doc.ic.ac.uk/brain-development/downloads/IXI/IXI-T1.tar",
            "https://developer.download.nvidia.com/assets/Clara/monai/tutorials/IXI-T1.tar",
        ),
        md5="34901a0593b41dd19c1a1f746eac2d58",
    ),
    folder="IXI-T1",
    members=r"(?:IXI-T1/)?(?P<name>IXI\d{3}-[A-Za-z]+-\d{4}-T1\.nii\.gz)",
    max_members=2_000,
    max_bytes=32 * _GIB,
    tables=(
        PublishedFile(
            name="IXI.xls",
            addresses=("https://biomedic.doc.ic.ac.uk/brain-development/downloads/IXI/IXI.xls",),
            md5=None,
            signature=bytes.fromhex("d0cf11e0a1b11ae1"),  # an Excel file of 1997 to 2003
            max_bytes=2**24,
        ),
    ),
    default="data/ixi",
    source="ixi: {{ layout: ixi, path: {path} }}",
    licence="CC BY-SA 3.0 (https://creativecommons.org/licenses/by-sa/3.0/)",
    attribution="IXI data set, Information eXtraction from Images (EPSRC GR/S21533/02), Imperial "
    "College London, https://brain-development.org/ixi-dataset/",
)

# MONAI (monai/apps/datasets.py) states address and MD5; the bucket is that of the AWS Registry
# of Open Data. http://medicaldecathlon.com states the licence and what to cite.
_DECATHLON = PublishedCohort(
    archive=PublishedFile(
        name="Task01_BrainTumour.tar",
        addresses=("https://msd-for-monai.s3-us-west-2.amazonaws.com/Task01_BrainTumour.tar",),
        md5="240a19d752f0d9e9101544901065d872",
    ),
    folder="Task01_BrainTumour",
    members=r"Task01_BrainTumour/"
    r"(?P<name>dataset\.json|(?:imagesTr|imagesTs|labelsTr)/BRATS_\d{3}\.nii\.gz)",
    max_members=10_000,
    max_bytes=32 * _GIB,
    tables=(),
    default="data/decathlon",
    source="decathlon: {{ layout: decathlon, path: {path}/Task01_BrainTumour }}",
    licence="CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/)",
    attribution="Medical Segmentation Decathlon, http://medicaldecathlon.com; Simpson et al. 2019, "
    "doi:10.48550/arXiv.1902.09063; Antonelli et al. 2022, doi:10.1038/s41467-022-30695-9",
)

COHORTS: dict[CohortName, PublishedCohort] = {"ixi": _IXI, "decathlon": _DECATHLON}
