#!/bin/bash
# As the original image does: RABBITMQ_DEFAULT_USER and RABBITMQ_DEFAULT_PASS become the configuration's first user.
set -euo pipefail
chown -R rabbitmq: /var/lib/rabbitmq
printf 'loopback_users = none\ndefault_user = %s\ndefault_pass = %s\n' \
  "$RABBITMQ_DEFAULT_USER" "$RABBITMQ_DEFAULT_PASS" > /etc/rabbitmq/rabbitmq.conf
unset RABBITMQ_DEFAULT_USER RABBITMQ_DEFAULT_PASS
exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$@"
