"""GET /docs: the API description to read and try, from this server alone.

Swagger UI is part of the package (docs/third-party.md), so the page works in a network without internet, and the
Content-Security-Policy lets it neither load from nor send to anywhere else.
"""

from fastapi import APIRouter, Response

from renkei.pages.assets import STATIC, asset

SERVED = {
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    "api-docs.js": ("api-docs.js", "text/javascript; charset=utf-8"),
}
"""Name under /docs/static → (file, media type). Nothing else of the folder is reachable: each name is a route."""

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # Swagger UI writes style attributes.
        "img-src 'self' data:",  # The icons of its style sheet are data URLs.
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)


def router() -> APIRouter:
    """The routes of the page and of its files; no part of the OpenAPI document."""
    routes = APIRouter(include_in_schema=False)
    page = STATIC.joinpath("api-docs.html").read_bytes()

    async def api_docs() -> Response:
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    routes.add_api_route("/docs", api_docs, methods=["GET", "HEAD"])
    for name, (path, media_type) in SERVED.items():
        routes.add_route(f"/docs/static/{name}", asset(path, media_type), methods=["GET", "HEAD"])
    return routes
