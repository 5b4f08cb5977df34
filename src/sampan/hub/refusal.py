"""What a hub's refusal means, and what to do about it."""

from __future__ import annotations

from sampan.errors import HubError, SampanError, UnknownModelError
from sampan.hub.listing import RemoteFile
from sampan.hub.order import Order
from sampan.hub.web import RefusalError


def explain(order: Order, refusal: RefusalError, file: RemoteFile | None = None) -> SampanError:
    """A refusal in the user's words; `file` is what was asked for, None for the listing. Hugging Face says 401 for
    repositories that do not exist, too."""
    hub, repository = order.hub, order.wanted.repository
    variable = hub.token_variable
    if refusal.code == "RevisionNotFound":
        return no_revision(order)
    if refusal.code == "GatedRepo" or refusal.status == 403:
        remedy = f"accept its terms at {hub.page(repository)}, then set {variable} to a token of your account"
        return HubError(f"{repository} is only for those who have accepted its terms", remedy=remedy)
    if refusal.status == 404 and file is not None:
        remedy = "run the same command again: the repository may have changed just now"
        return HubError(f"{repository} lists {file.path}, but does not send it", remedy=remedy)
    if refusal.status in (401, 404) or refusal.code == "RepoNotFound":
        if order.private:
            remedy = f"check the name at {hub.page(repository)}, and that the token in {variable} may read it"
        else:
            remedy = f"check the name at {hub.page(repository)}; for a private one set {variable}"
        return UnknownModelError(f"{hub.endpoint} knows no {repository}, or does not show it", remedy=remedy)
    return HubError(str(refusal), remedy="try again later, or another --source")


def no_revision(order: Order) -> UnknownModelError:
    """The repository exists, but not so."""
    remedy = f"see the branches and tags at {order.hub.page(order.wanted.repository)}"
    return UnknownModelError(f"{order.wanted.repository} has no revision {order.revision}", remedy=remedy)
