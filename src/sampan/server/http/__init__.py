"""HTTP itself: sockets, connections, heads, bodies, event streams, error bodies, and what guards the door.

Knows nothing of what is asked or answered; that is for the packages of the APIs.
"""
