"""The API's page at /docs, in a real browser."""


def test_it_draws_every_operation_and_asks_nobody_else(page, stack):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/docs")
    page.get_by_text("/api/training-runs/{run_id}/episodes").first.wait_for()
    assert f"{stack.url}/openapi.json" in asked
    assert [url for url in asked if not url.startswith((stack.url, "data:"))] == []
