"""Finds the partition key of a file, even if release 0.1.0 staged it."""

from __future__ import annotations

from sqlalchemy import Connection

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.arrival.keys_of_0_1_0 import key_of_0_1_0
from orders_pipeline.imports.documents import identity_of
from orders_pipeline.imports.import_row import Import, find_import
from orders_pipeline.order_files.reading_instructions import ReadingInstructions
from orders_pipeline.staging.keys import KEY_DIGITS, FileIdentity, partition_key


def key_for(
    connection: Connection,
    name: str,
    identity: FileIdentity,
    instructions: ReadingInstructions,
    digits: int = KEY_DIGITS,
) -> str:
    """Returns the key of a file. A file that release 0.1.0 imported under another key keeps that one.

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
    """Checks that the import with the key of a file is an import of the same file.

    A key has 12 digits of a hash, so two files can have the same key, although this is rare.

    Raises:
        FileRefused: it is another file, or the same file with other instructions.
    """
    if _is_same_file(found, identity):
        return
    differ = f"Their SHA-256 are {identity.sha256} and {found.file_sha256}"
    alike = "Their content is the same, but their options or second files differ"
    why = alike if found.file_sha256 == identity.sha256 else differ
    raise FileRefused(
        "partition_key_taken",
        f"{name} has the same partition key {found.key} as another file, {found.file_name}. {why}.",
        "Rename the file and import it again.",
    )


def _is_same_file(found: Import, identity: FileIdentity) -> bool:
    # Release 0.1.0 saved only the hash of the content.
    staged_as = identity_of(found)
    return found.file_sha256 == identity.sha256 and staged_as in (None, identity)
