import pytest

from browser import running_browser, why_missing


@pytest.fixture(scope="session")
def browser():
    reason = why_missing()
    if reason:
        pytest.skip(reason)
    with running_browser() as browser:
        yield browser
