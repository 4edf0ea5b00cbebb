"""Every page over an empty and over a filled store, without a browser."""

import pytest

PAGES = (
    "overview",
    "sets",
    "vectors",
    "runs",
    "compare",
    "replay",
    "new_vector",
    "new_run",
    "jobs",
)


def shown(app):
    """All that a page says, as one string."""
    elements = [*app.title, *app.subheader, *app.caption, *app.markdown, *app.code]
    return "\n".join([*(item.value for item in elements), *html(app)])


def html(app):
    return [item.proto.body for item in app.get("html")]


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_an_empty_store(page, name):
    app = page(name)
    assert not app.exception
    assert app.title


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_a_filled_store(filled, page, name):
    app = page(name)
    assert not app.exception
    assert "That did not work" not in shown(app)
