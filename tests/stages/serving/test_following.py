import asyncio
import contextlib
import gc
import logging
import shutil
import sqlite3
import weakref

import mlflow.sklearn
import pytest
import torch
from sklearn.dummy import DummyClassifier

from mrigen.bundle import save_bundle
from mrigen.errors import ModelError, RegistryError
from mrigen.registry.gate import GateConfig
from mrigen.registry.registration import register_bundle
from mrigen.registry.versions import resolve
from mrigen.serving.app import create_app
from mrigen.serving.work import Drawing
from mrigen.stages.serving.following import Follower
from mrigen.tracking.tracker import connect
from small_bundles import config, network, write_bundle
from tampered import SPOILT


@pytest.fixture
def tracker(store):
    return connect(store)


@pytest.fixture
def register(tracker, tmp_path):
    """Register a bundle and make it champion; gives its folder in the registry."""

    def run(model="vae", *, seed=0, net=None):
        path = tmp_path / f"{model}{seed}"
        if net is None:
            write_bundle(path, model, seed=seed)
        else:
            save_bundle(path, net, config=config(model), card={"model": model})
        register_bundle(tracker, path, metrics={}, gate=GateConfig({}), promote=True)
        return resolve(tracker, model).path.parent.parent

    return run


@contextlib.asynccontextmanager
async def serving(follower):
    """Run an application around a follower; gives its state."""
    follower.load_first()
    app = create_app(follower.shelf, attend=follower.attend)
    async with app.router.lifespan_context(app):
        yield app.state.server


def following(tracker, *references, device="cpu", watch=0):
    return Follower(tracker, references, device, watch)


def served(state):
    return [(model.name, model.version) for model in state.shelf.models]


def refused(state):
    return [(one.name, one.version, one.reason) for one in state.refused]


def warnings_in(caplog):
    ours = [one for one in caplog.records if one.name.startswith("mrigen.")]
    return [one.getMessage() for one in ours if one.levelno >= logging.WARNING]


def move(tracker, version, alias="champion"):
    tracker.client.set_registered_model_alias("vae", alias, str(version))


async def draw(state, model):
    async with state.batcher.submit(Drawing(model.network, range(3), {})) as job:
        return torch.cat([images async for images in job])


def test_a_moved_alias_is_followed_and_an_unmoved_one_is_not_loaded_again(tracker, register):
    async def run():
        follower = following(tracker)
        async with serving(follower) as state:
            before = state.shelf.find("vae")
            old = await draw(state, before)
            await follower.follow(state)
            assert state.shelf.find("vae") is before
            register(seed=1)
            register("gan")
            await follower.follow(state)
            assert served(state) == [("vae", 2), ("gan", 1)]
            assert not torch.equal(await draw(state, state.shelf.find("vae")), old)
            move(tracker, 1)
            await follower.follow(state)
            assert torch.equal(await draw(state, state.shelf.find("vae")), old)

    register()
    asyncio.run(run())


def test_versions_are_served_in_the_order_in_which_they_are_named(tracker, register):
    async def run():
        follower = following(tracker, "vae/2", "vae@champion", "vae/1", "vae@candidate")
        async with serving(follower) as state:
            assert served(state) == [("vae", 2), ("vae", 1)]
            move(tracker, 1)
            await follower.follow(state)
            assert served(state) == [("vae", 2), ("vae", 1)]
            assert state.shelf.find("vae").aliases == ("candidate",)
            assert state.shelf.find("vae", 1).aliases == ("champion",)

    register()
    register(seed=1)
    asyncio.run(run())


def test_new_aliases_of_a_version_are_told_without_loading_it_again(tracker, register):
    async def run():
        follower = following(tracker, "vae")
        async with serving(follower) as state:
            network = state.shelf.find("vae").network
            move(tracker, 1, "best")
            await follower.follow(state)
            model = state.shelf.find("vae")
            assert model.aliases == ("best", "candidate", "champion")
            assert model.network is network

    register()
    asyncio.run(run())


@pytest.mark.parametrize("kind", ["weights", "configuration", "card", "pickle", "another flavour"])
def test_a_spoilt_version_is_kept_out_while_the_old_one_serves(tracker, register, caplog, kind):
    async def run():
        follower = following(tracker)
        async with serving(follower) as state:
            old = await draw(state, state.shelf.find("vae"))
            SPOILT[kind][0](register(seed=1))
            for _ in range(3):
                await follower.follow(state)
            assert served(state) == [("vae", 1)]
            assert refused(state) == [("vae", 2, "checks")]
            assert torch.equal(await draw(state, state.shelf.find("vae")), old)
            register(seed=2)
            await follower.follow(state)
            assert served(state) == [("vae", 3)]
            assert refused(state) == []

    register()
    asyncio.run(run())
    (told,) = warnings_in(caplog)
    assert "'vae' version 2 is kept out of service" in told
    assert told.endswith("Version 1 is still served.")


@pytest.fixture
def pickled(tracker, tmp_path):
    """Register a model of scikit-learn as version of 'vae'; gives its number."""

    def run(**tags):
        run = tracker.start_run(name="other")
        with run, pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", tracker.address.uri)
            folder = tmp_path / "sklearn"
            shutil.rmtree(folder, ignore_errors=True)
            mlflow.sklearn.save_model(
                DummyClassifier().fit([[0]], [0]),
                str(folder),
                serialization_format="cloudpickle",
                pip_requirements=[],
            )
            run.log_artifact(folder, "other")
        source = f"{tracker.client.get_run(run.id).info.artifact_uri}/other"
        return tracker.client.create_model_version("vae", source, run_id=run.id, tags=tags).version

    return run


@pytest.mark.parametrize("tagged", [False, True])
def test_a_pickled_model_of_another_tool_is_kept_out(tracker, register, pickled, caplog, tagged):
    async def run():
        follower = following(tracker)
        async with serving(follower) as state:
            move(tracker, pickled(**tags))
            await follower.follow(state)
            assert served(state) == [("vae", 1)]
            assert refused(state) == [("vae", 2, "checks")]

    root = register()
    digest = resolve(tracker, "vae").digest
    tags = {"mrigen.bundle": digest} if tagged else {}
    assert (root / "MLmodel").exists()
    asyncio.run(run())
    (told,) = warnings_in(caplog)
    assert ("model.pkl" if tagged else "not registered by mrigen") in told
    move(tracker, 2)
    with pytest.raises(RegistryError, match="'vae' version 2"):
        following(tracker, "vae").load_first()


def test_a_network_that_computes_nothing_finite_is_kept_out(tracker, register, caplog):
    async def run():
        follower = following(tracker)
        async with serving(follower) as state:
            register(seed=1, net=broken())
            await follower.follow(state)
            await follower.follow(state)
            assert served(state) == [("vae", 1)]
            assert refused(state) == [("vae", 2, "warm-up")]

    register()
    asyncio.run(run())
    assert len(warnings_in(caplog)) == 1


def broken():
    net = network("vae")
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(torch.nan)
    return net


def test_a_first_network_that_computes_nothing_finite_stops_the_start(tracker, register):
    async def run(follower):
        async with serving(follower) as state:
            assert state.draining

    register(net=broken())
    follower = following(tracker)
    asyncio.run(run(follower))
    assert isinstance(follower.failure, ModelError)


def test_a_spoilt_champion_does_not_keep_the_others_from_starting(tracker, register, caplog):
    SPOILT["card"][0](register("vae"))
    register("gan")
    follower = following(tracker)
    follower.load_first()
    assert [model.name for model in follower.shelf.models] == ["gan"]
    assert "card.json" in warnings_in(caplog)[0]
    with pytest.raises(RegistryError, match=r"card\.json"):
        following(tracker, "gan", "vae").load_first()


def test_a_removed_alias_is_told_once_and_its_model_is_served_on(tracker, register, caplog):
    async def run():
        for references in ((), ("vae@champion",)):
            move(tracker, 1)
            caplog.clear()
            follower = following(tracker, *references)
            async with serving(follower) as state:
                tracker.client.delete_registered_model_alias("vae", "champion")
                await follower.follow(state)
                await follower.follow(state)
                assert served(state) == [("vae", 1)]
            (told,) = warnings_in(caplog)
            assert "'vae@champion' is not in the registry any more" in told

    register()
    asyncio.run(run())


def test_a_registry_that_is_away_is_told_once_and_asked_again(tracker, register, caplog, store):
    async def run():
        follower = following(tracker)
        async with serving(follower) as state:
            (store / "mlflow.db").rename(store / "away.db")
            (store / "mlflow.db").mkdir()
            tracker.client._tracking_client.store.engine.dispose()
            tracker.client._get_registry_client().store.engine.dispose()
            await follower.follow(state)
            await follower.follow(state)
            assert served(state) == [("vae", 1)]
            assert len(warnings_in(caplog)) == 1
            assert {one.name.partition(".")[0] for one in caplog.records} == {"mrigen"}
            (store / "mlflow.db").rmdir()
            (store / "away.db").rename(store / "mlflow.db")
            register(seed=1)
            await follower.follow(state)
            assert served(state) == [("vae", 2)]

    register()
    asyncio.run(run())


def test_work_under_way_keeps_its_network_and_lets_it_go_afterwards(tracker, register):
    async def run():
        follower = following(tracker)
        async with serving(follower) as state:
            old = weakref.ref(state.shelf.find("vae").network)
            whole = torch.cat([await draw(state, state.shelf.find("vae"))])
            async with state.batcher.submit(
                Drawing(state.shelf.find("vae").network, range(300), {})
            ) as job:
                first = await anext(job)
                register(seed=1)
                await follower.follow(state)
                assert served(state) == [("vae", 2)]
                rest = [images async for images in job]
            assert len(torch.cat([first, *rest])) == 300
            assert torch.equal(first[:3], whole)
            del job, rest
            gc.collect()
            assert old() is None

    register()
    asyncio.run(run())


def test_the_registry_is_asked_again_and_again(tracker, register):
    async def run():
        async with serving(following(tracker, watch=0.01)) as state:
            register(seed=1)
            async with asyncio.timeout(60):
                while served(state) != [("vae", 2)]:
                    await asyncio.sleep(0.01)

    register()
    asyncio.run(run())


def elsewhere(tracker, name, address="http://[1"):
    """Register a version whose address nobody can read; it becomes champion."""
    tags = {"mrigen.bundle": "0" * 64}
    version = tracker.client.create_model_version(name, "/nowhere", tags=tags)
    tracker.client.set_registered_model_alias(name, "champion", version.version)
    with contextlib.closing(sqlite3.connect(tracker.address.database)) as database, database:
        database.execute(
            "UPDATE model_versions SET source = ? WHERE source = ?", (address, "/nowhere")
        )


def test_an_address_that_cannot_be_read_keeps_its_version_out_alone(tracker, register, caplog):
    async def run():
        register("gan")
        register("vae")
        follower = following(tracker)
        async with serving(follower) as state:
            elsewhere(tracker, "gan")
            register("vae", seed=1)
            await follower.follow(state)
            return served(state), refused(state)

    assert asyncio.run(run()) == ([("gan", 1), ("vae", 2)], [("gan", 2, "checks")])
    assert "cannot be fetched (ValueError)" in warnings_in(caplog)[0]


def test_an_address_that_cannot_be_read_does_not_keep_the_others_from_starting(tracker, register):
    register("gan")
    elsewhere(tracker, "gan")
    register("vae")
    follower = following(tracker)
    follower.load_first()
    assert [model.name for model in follower.shelf.models] == ["vae"]


def test_files_that_are_away_are_told_once_and_asked_for_again(tracker, register, caplog):
    async def run():
        follower = following(tracker)
        async with serving(follower) as state:
            elsewhere(tracker, "vae", "mlflow-artifacts:/away")  # the store has no server
            for _ in range(3):
                await follower.follow(state)
            assert (served(state), refused(state)) == ([("vae", 1)], [])
            register(seed=1)
            await follower.follow(state)
            return served(state)

    register()
    assert asyncio.run(run()) == [("vae", 3)]
    (told,) = warnings_in(caplog)
    assert told.endswith("What is loaded is served meanwhile.")


def test_a_spoilt_version_that_nothing_names_any_more_is_not_told_as_refused(tracker, register):
    async def run():
        follower = following(tracker)
        async with serving(follower) as state:
            assert refused(state) == [("vae", 1, "checks")]
            tracker.client.delete_registered_model_alias("vae", "champion")
            await follower.follow(state)
            return served(state), refused(state)

    register("gan")
    SPOILT["weights"][0](register("vae"))
    assert asyncio.run(run()) == ([("gan", 1)], [])
