"""Which models and numbers are drawn over the time of training."""

from mrigen.evaluation.comparison.panels import Trained, pareto_panels


def trained(model, seconds=10.0, dataset="heads", **metrics):
    return Trained(model, dataset, seconds, metrics)


def test_a_panel_for_each_dataset_and_number_that_two_models_have():
    models = [
        trained("a", damage_psnr_db=30.0, frechet_ratio=5.0),
        trained("b", damage_psnr_db=31.0, damage_psnr_db_low=30.0, damage_psnr_db_high=32.0),
        trained("c", dataset="tumours", frechet_ratio=4.0),
        trained("d", dataset="tumours", frechet_ratio=3.0),
    ]
    panels, remarks = pareto_panels(models)
    assert [(panel.title, panel.better) for panel in panels] == [
        ("heads", "higher"),
        ("tumours", "lower"),
    ]
    assert panels[0].points[0] == ("a", 10.0, 30.0, None, None)
    assert panels[0].points[1] == ("b", 10.0, 31.0, 30.0, 32.0)
    assert not remarks


def test_the_first_number_that_two_models_share_is_drawn():
    models = [
        trained("a", damage_psnr_db=30.0, slice_psnr_db=31.0),
        trained("b", slice_psnr_db=32.0),
    ]
    (panel,), _ = pareto_panels(models)
    assert [point.value for point in panel.points] == [31.0, 32.0]


def test_models_whose_training_was_not_timed_are_named():
    models = [trained("a", None, frechet_ratio=1.0), trained("b", frechet_ratio=1.0)]
    panels, remarks = pareto_panels(models)
    assert not panels
    assert remarks == ["Not drawn, as the time of their training is not recorded here: a."]
