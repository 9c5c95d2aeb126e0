#!/bin/bash
# Does what the original image does: creates the first user from RABBITMQ_DEFAULT_USER and RABBITMQ_DEFAULT_PASS.
set -euo pipefail
chown -R rabbitmq: /var/lib/rabbitmq
printf 'loopback_users = none\ndefault_user = %s\ndefault_pass = %s\n' \
  "$RABBITMQ_DEFAULT_USER" "$RABBITMQ_DEFAULT_PASS" > /etc/rabbitmq/rabbitmq.conf
unset RABBITMQ_DEFAULT_USER RABBITMQ_DEFAULT_PASS
exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$@"
