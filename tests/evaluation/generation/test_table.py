from mrigen.evaluation.generation.table import generation_table, put_numbers
from mrigen.evaluation.judgement import Judgement
from mrigen.metrics.intervals import Interval

NUMBERS = {
    "frechet_distance": Interval(6.0, 5.0, 7.0),
    "frechet_floor": Interval(2.0, 1.0, 3.0),
    "frechet_ratio": Interval(3.0, 2.0, 4.0),
    "frechet_samples": Interval(20.0),
    "precision": Interval(0.5),
    "precision_of_real": Interval(0.9),
}


def test_generated_stands_beside_real_with_the_ends_of_both():
    table = generation_table({"pixels_net": NUMBERS, "": {"ms_ssim": Interval(0.4)}}, count=20)
    assert table.csv().splitlines() == [
        "measure,features,generated,generated_low,generated_high,real,real_low,real_high",
        "frechet_distance,pixels_net,6,5,7,2,1,3",
        "precision,pixels_net,0.5,,,0.9,,",
        "frechet_ratio,pixels_net,3,2,4,,,",
        "ms_ssim,pixels,0.4,,,,,",
    ]
    assert table.description.startswith("20 generated slices")


def test_only_what_is_better_or_worse_has_ends_among_the_metrics():
    judgement = Judgement()
    put_numbers(judgement, NUMBERS, qualifier="net/")
    assert judgement.metrics == {
        "net/frechet_distance": 6.0,
        "net/frechet_distance_low": 5.0,
        "net/frechet_distance_high": 7.0,
        "net/frechet_floor": 2.0,
        "net/frechet_ratio": 3.0,
        "net/frechet_ratio_low": 2.0,
        "net/frechet_ratio_high": 4.0,
        "net/frechet_samples": 20.0,
        "net/precision": 0.5,
        "net/precision_of_real": 0.9,
    }
