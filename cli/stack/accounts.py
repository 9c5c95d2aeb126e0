"""Other accounts of this machine, which can connect to all programs that listen on 127.0.0.1."""

from __future__ import annotations

import os
import pwd

NO_LOGIN = ("nologin", "false", "sync", "halt", "shutdown")
# Lower ids belong to accounts of services; the id of `nobody` is higher than all others.
FIRST_USER, NOBODY = 1000, 65534


def other_logins() -> list[str]:
    """Returns the names of other accounts that have a login shell.

    Leaves out root, which can access everything anyway, and accounts that a directory service does not list.
    """
    return sorted(one.pw_name for one in pwd.getpwall() if _is_other_person(one))


def _is_other_person(account: pwd.struct_passwd) -> bool:
    is_person = account.pw_uid >= FIRST_USER and account.pw_uid != NOBODY
    return is_person and account.pw_uid != os.geteuid() and not account.pw_shell.endswith(NO_LOGIN)
