"""A gallery as a static page that recognises in the browser, with no service and no network."""

from .export import WebExport, export_web

__all__ = ["WebExport", "export_web"]
