import pytest

from gallery import opened, site_of
from small_conditional import SmallConditional
from small_served import served


@pytest.fixture(scope="session")
def site():
    models = [
        served("heads", SmallConditional()),
        served("vae"),
        served("vae", version=1, aliases=("candidate",)),
        served("unet"),
    ]
    with site_of(*models) as address:
        yield address


@pytest.fixture
def page(browser, site):
    """The gallery, just opened; nothing may be wrong with it in the end."""
    yield opened(browser, site)
    assert browser.complaints() == []
    asked = browser.requested()
    assert asked
    assert all(one.startswith((site, "data:", "blob:", "about:")) for one in asked)
