"""Users, their sessions and links that sign in once; keys with the scope `admin`"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False, comment="in small letters"),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password", sa.String(), comment="hashed by Argon2; empty: signs in elsewhere"),
        sa.Column("subject", sa.String(), comment="issuer and `sub` at the OpenID provider"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("signed_in_at", sa.BigInteger(), comment="last"),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
        sa.UniqueConstraint("subject", name=op.f("uq_users_subject")),
    )
    op.create_table(
        "user_sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the token in the cookie"),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False, comment="to the minute"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, comment="however much it is used"),
        sa.Column("address", sa.String(), nullable=False, comment="of the client that signed in"),
        sa.Column("browser", sa.String(), nullable=False, comment="as it named itself, shortened"),
        sa.CheckConstraint(
            "method IN ('password', 'link', 'oidc', 'proxy')", name=op.f("ck_user_sessions_method")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_user_sessions_digest")),
    )
    op.create_index(op.f("ix_user_sessions_user_id"), "user_sessions", ["user_id"])
    op.create_table(
        "sign_in_links",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the token in the link"),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sign_in_links_user_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_links")),
    )
    op.create_index(op.f("ix_sign_in_links_user_id"), "sign_in_links", ["user_id"])
    _allow_scopes("'read', 'operate', 'admin'")


def downgrade() -> None:
    op.execute("DELETE FROM api_keys WHERE scope = 'admin'")
    _allow_scopes("'read', 'operate'")
    for table in ("sign_in_links", "user_sessions", "users"):
        op.drop_table(table)


def _allow_scopes(scopes: str) -> None:
    name, condition = op.f("ck_api_keys_scope"), f"scope IN ({scopes})"
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("api_keys", recreate="always") as table:
            table.drop_constraint(name, type_="check")
            table.create_check_constraint(name, condition)
    else:
        op.drop_constraint(name, "api_keys", type_="check")
        op.create_check_constraint(name, "api_keys", condition)
