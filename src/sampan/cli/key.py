"""`sampan key`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from sampan.cli.options import Json
from sampan.cli.parameters import Argument, Option
from sampan.errors import UsageError

if TYPE_CHECKING:
    from sampan.server.security.keys import ApiKey


class NewKey(NamedTuple):
    """For create (unset: inference, without limits)."""

    role: Annotated[str | None, Option("admin may also reach /admin", choices=("inference", "admin"))] = None
    requests_per_minute: Annotated[int | None, Option("most requests, on average")] = None
    tokens_per_minute: Annotated[int | None, Option("most tokens of prompts and answers, on average")] = None
    concurrent_requests: Annotated[int | None, Option("most requests that are open at a time")] = None
    expires_in_days: Annotated[int | None, Option("unset: it does not expire")] = None


def key(
    *,
    action: Annotated[str, Argument("what to do", choices=("create", "list", "revoke"))],
    name: Annotated[str | None, Argument("whose key, for create and revoke")] = None,
    api_key_file: Annotated[str, Option("the file of hashed keys", metavar="FILE")],
    json: Json = False,
    new_key: NewKey,
) -> int:
    """Makes, lists and revokes API keys for `sampan serve --api-key-file FILE`.

    create prints a new key. It is shown this once: the file has its hash alone.
    A running server follows the file within a second.
    """
    path = Path(api_key_file)
    if action != "create" and any(value is not None for value in new_key):
        raise UsageError(f"{action} takes no role, limits or expiry", remedy="these are for create")
    if action == "list":
        if name is not None:
            raise UsageError("list takes no name", remedy="it shows all keys")
        _list(path, json)
    elif name is None:
        raise UsageError(f"{action} needs a name", remedy=f"write: sampan key {action} NAME --api-key-file FILE")
    elif action == "create":
        _create(path, name, new_key, json)
    else:
        _revoke(path, name, json)
    return 0


def _create(path: Path, name: str, new_key: NewKey, json: bool) -> None:
    from datetime import timedelta

    import msgspec

    from sampan.cli.output import print_json
    from sampan.server.security.key_store import add_key
    from sampan.server.security.keys import ApiKey, digest_of, new_secret, utc_now

    secret, now = new_secret(), utc_now().replace(microsecond=0)
    fields = {field: value for field, value in new_key._asdict().items() if value is not None}
    days = fields.pop("expires_in_days", None)
    if days is not None:
        if not 1 <= days <= 36500:
            raise UsageError(f"--expires-in-days {days} is out of range", remedy="use 1 to 36500")
        fields["expires"] = now + timedelta(days=days)
    try:
        made = msgspec.convert(
            {"name": name, "sha256": digest_of(secret.encode()).hex(), "created": now, **fields}, ApiKey
        )
    except msgspec.ValidationError as error:
        remedy = "names are up to 64 letters, digits and . _ @ -; limits are 1 or more"
        raise UsageError(f"this makes no key: {error}", remedy=remedy) from None
    add_key(path, made)
    if json:
        print_json({"key": secret, **_describe(made)})
    else:
        print(secret)
        print(f"This is {name}'s key. Keep it: it is not shown again.", file=sys.stderr)


def _list(path: Path, json: bool) -> None:
    from sampan.cli.output import print_json, print_table
    from sampan.server.security.keys import read_keys, utc_now

    keys, now = read_keys(path), utc_now()
    if json:
        print_json([_describe(known) for known in keys])
        return
    rows = [["-" if value is None else str(value) for value in _describe(known).values()] for known in keys]
    columns = ("name", "role", "created", "expires", "requests/min", "tokens/min", "concurrent")
    print_table(columns, rows, ["dim" if known.has_expired(now) else None for known in keys], ())


def _revoke(path: Path, name: str, json: bool) -> None:
    from sampan.cli.output import print_json
    from sampan.server.security.key_store import remove_key

    remove_key(path, name)
    if json:
        print_json({"revoked": name})
    else:
        print(f"{name}'s key is revoked.")


def _describe(known: ApiKey) -> dict[str, Any]:
    """What may be shown of a key."""
    return {
        "name": known.name,
        "role": known.role,
        "created": known.created.isoformat(),
        "expires": known.expires and known.expires.isoformat(),
        "requests_per_minute": known.requests_per_minute,
        "tokens_per_minute": known.tokens_per_minute,
        "concurrent_requests": known.concurrent_requests,
    }
