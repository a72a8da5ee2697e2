"""Fetching published weights, and failing within seconds where nothing can be fetched.

A name that a gallery brought along, and no user gave, doesn't make anything ask a hub: the gallery
may come from a stranger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import BackboneUnavailableError

_PATIENCE_SECONDS = 5.0


def hub_file(
    name: str, repository: str, filenames: Sequence[str], *, may_fetch: bool = True
) -> Path:
    """The first of the files that a Hugging Face repository has, from the local cache if there.

    Args:
        name: of the backbone, for errors.
        repository: such as `timm/resnet18.a1_in1k`.
        filenames: what to look for, best first.
        may_fetch: whether the hub may be asked for what isn't cached.

    Raises:
        BackboneUnavailableError: none is cached and none can, or may, be fetched.
    """
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    for filename in filenames:
        try:
            return Path(hf_hub_download(repository, filename, local_files_only=True))
        except LocalEntryNotFoundError:
            continue
    tried = f"{constants.ENDPOINT}/{repository} ({', '.join(filenames)})"
    if not may_fetch:
        raise not_fetched(name, tried)
    if constants.HF_HUB_OFFLINE:
        raise unavailable(name, tried, "HF_HUB_OFFLINE is set")
    require_reachable(name, constants.ENDPOINT, tried)
    for filename in filenames:
        try:
            return Path(hf_hub_download(repository, filename))
        except LocalEntryNotFoundError as error:  # a kind of the next, but the network's fault
            raise unavailable(name, tried, str(error)) from error
        except EntryNotFoundError:
            continue
        except Exception as error:  # the client raises its own, its transport's and the system's
            raise unavailable(name, tried, str(error)) from error
    raise unavailable(name, tried, "the repository has none of these files")


def url_file(name: str, url: str, download: Callable[[], str], *, may_fetch: bool = True) -> Path:
    """What `download` fetches from the URL, or finds in its cache, as a path.

    Raises:
        BackboneUnavailableError: it can't, or may not, be fetched.
    """
    if not may_fetch:
        raise not_fetched(name, url)
    require_reachable(name, url, url)
    try:
        return Path(download())
    except Exception as error:  # the libraries' download functions let everything through
        raise unavailable(name, url, str(error)) from error


def require_reachable(name: str, url: str, tried: str) -> None:
    """Asks the server once, since the hub's client repeats itself for half a minute.

    Raises:
        BackboneUnavailableError: no answer within a few seconds.
    """
    import urllib.error  # with TLS and all, slow to import
    import urllib.request

    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - from the libraries' lists
    try:
        urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS).close()  # noqa: S310
    except urllib.error.HTTPError:
        return  # an answer, whatever it says
    except (OSError, ValueError) as error:
        raise unavailable(name, tried, f"it can't be reached: {error}") from error


def not_fetched(name: str, where: str) -> BackboneUnavailableError:
    """The error for what only a gallery asks for; it says how a user does."""
    return BackboneUnavailableError(
        f"{name}: the gallery names this backbone, whose weights are not on this machine; nothing "
        f"is fetched (from {where}) because a gallery says so. If you trust it, name the backbone "
        f"yourself: `--backbone {name}`, or `backbone={name!r}` in Python"
    )


def unavailable(name: str, tried: str, reason: str) -> BackboneUnavailableError:
    """The error that says what was tried, why it failed, and how to do without a network."""
    return BackboneUnavailableError(
        f"{name}: its weights are not on this machine, and fetching them from {tried} failed: "
        f"{' '.join(reason.split())}. To use a file that you have, name it: {name}@/path/to/file "
        "(.safetensors, or a PyTorch checkpoint)"
    )
