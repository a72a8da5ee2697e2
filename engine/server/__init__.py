"""Onelook over HTTP: the REST service, the web page on it, and a client.

The submodules are imported by those who use them: a program that only needs
`engine.server.client` loads no web framework.
"""
