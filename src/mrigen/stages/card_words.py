"""What a model card says of every network and objective: in words, and where they come from."""

NETWORKS = {
    "vae": "variational autoencoder of strided convolutions",
    "vqvae": "vector-quantised autoencoder",
    "feliu_gan": "generative adversarial network of transposed convolutions",
    "unet": "U-Net",
    "shallow_residual_ae": "shallow residual autoencoder",
    "skip_cae": "convolutional autoencoder with a skip connection",
    "residual_unet": "residual U-Net",
    "myronenko_cae": "autoencoder in two dimensions after Myronenko",
    "flow": "generator that follows a learned velocity from noise to an image",
}

_TABLADO = "Tablado 2023, master's thesis, Universitat Oberta de Catalunya"
_ARNAIZ = "Arnaiz 2021, master's thesis, Universitat Oberta de Catalunya"
_LORENTE = "Lorente 2021, thesis, Universitat Oberta de Catalunya"
_FELIU = "Feliu 2023, thesis"

REFERENCES = {
    "vae": ("Kingma and Welling 2014, doi:10.48550/arXiv.1312.6114", _TABLADO),
    "vqvae": ("van den Oord et al. 2017, doi:10.48550/arXiv.1711.00937", _TABLADO),
    "feliu_gan": ("Goodfellow et al. 2014, doi:10.48550/arXiv.1406.2661", _FELIU),
    "unet": ("Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28", _LORENTE),
    "shallow_residual_ae": ("He et al. 2016, doi:10.1007/978-3-319-46493-0_38", _ARNAIZ),
    "skip_cae": ("Mao et al. 2016, arXiv:1603.09056", _ARNAIZ),
    "residual_unet": (
        "Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28",
        "He et al. 2016, doi:10.1007/978-3-319-46493-0_38",
        _ARNAIZ,
    ),
    "myronenko_cae": ("Myronenko 2019, doi:10.1007/978-3-030-11726-9_28", _ARNAIZ),
    "flow": (
        "Lipman et al. 2023, doi:10.48550/arXiv.2210.02747",
        "Liu et al. 2023, doi:10.48550/arXiv.2209.03003",
        "Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28",
    ),
    "reconstruction": (
        "Zhao et al. 2017, doi:10.1109/TCI.2016.2644865",
        "Wang et al. 2004, doi:10.1109/TIP.2003.819861",
    ),
    "flow_matching": (
        "Lipman et al. 2023, doi:10.48550/arXiv.2210.02747",
        "Esser et al. 2024, doi:10.48550/arXiv.2403.03206",
        "Ho and Salimans 2022, doi:10.48550/arXiv.2207.12598",
    ),
    "variational": ("Rybkin et al. 2021, doi:10.48550/arXiv.2006.13202",),
    "quantized": ("van den Oord et al. 2017, doi:10.48550/arXiv.1711.00937",),
    "adversarial": (
        "Goodfellow et al. 2014, doi:10.48550/arXiv.1406.2661",
        "Mescheder et al. 2018, doi:10.48550/arXiv.1801.04406",
    ),
}

#: Every card refers to what its headings are taken from.
CARDS = "Model cards: Mitchell et al. 2019, doi:10.1145/3287560.3287596"

USES = (
    "Research: restoring damaged slices, enlarging data sets, and finding what is unusual, as far "
    "as the numbers below bear it out.",
    "Comparing networks, losses and data under the same protocol.",
)
NOT_FOR = (
    "Not for diagnosis, treatment or any other decision about a person: it is no medical device, "
    "and no radiologist has judged it unless this card says so.",
    "Not in place of an image that was never taken: a restored slice shows what is likely, not "
    "what is there, and can lose or invent a lesion.",
    "Not for other modalities, planes, scanners, ages or disorders than those below without a new "
    "evaluation.",
)
