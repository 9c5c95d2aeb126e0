"""Which partition key a file has: that of its import, if it was staged before."""

from __future__ import annotations

from sqlalchemy import Connection

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.documents import identity_of
from orders_pipeline.imports.import_row import Import, find_import
from orders_pipeline.imports.keys_of_0_1_0 import key_of_0_1_0
from orders_pipeline.order_files.reading_instructions import ReadingInstructions
from orders_pipeline.staging.keys import KEY_DIGITS, FileIdentity, partition_key


def key_for(
    connection: Connection,
    name: str,
    identity: FileIdentity,
    instructions: ReadingInstructions,
    digits: int = KEY_DIGITS,
) -> str:
    """The key of a file; where release 0.1.0 imported it under another one, that stays.

    Raises:
        FileRefused: another file has the key.
    """
    key = partition_key(name, identity.digest, digits)
    if found := find_import(connection, key):
        require_same_file(found, name, identity)
        return key
    old_key = key_of_0_1_0(name, identity, instructions)
    old = find_import(connection, old_key) if old_key else None
    return old.key if old and _is_same_file(old, identity) else key


def require_same_file(found: Import, name: str, identity: FileIdentity) -> None:
    """Makes sure that an import under the key of a file is that of this file.

    A key holds 12 digits of a hash, so two files can have the same one; that is rare, but not impossible.

    Raises:
        FileRefused: it is another file, or the same one read in another way.
    """
    if _is_same_file(found, identity):
        return
    differ = f"their SHA-256 are {identity.sha256} and {found.file_sha256}"
    alike = "their content is the same, but not what was said about it, or the second file"
    why = alike if found.file_sha256 == identity.sha256 else differ
    raise FileRefused(
        "partition_key_taken",
        f"{name} has the partition key {found.key} of another file, {found.file_name}: {why}.",
        "Give the file another name, and import it again.",
    )


def _is_same_file(found: Import, identity: FileIdentity) -> bool:
    # Release 0.1.0 kept the hash of the content alone.
    staged_as = identity_of(found)
    return found.file_sha256 == identity.sha256 and staged_as in (None, identity)
