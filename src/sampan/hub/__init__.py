"""Model hubs: Hugging Face, ModelScope and their mirrors.

Knows: the two hubs' protocols over HTTP, which files of a repository a model needs, how they come down whole in spite
of cut connections, kills and damaged bytes. Refuses to know: what the files mean, terminals. No other room
opens a connection to the outside. It believes no name, size or content that a hub states before it has checked it.
"""

from sampan.hub.order import Order, make_order
from sampan.hub.pull import Observer, Plan, Pulled, Terms, pull

__all__ = ["Observer", "Order", "Plan", "Pulled", "Terms", "make_order", "pull"]
