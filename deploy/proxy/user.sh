#!/usr/bin/env bash
# user.sh NAME viewer|operator|gone: lets somebody in, changes their password or role, or keeps them out. Asks for
# the password, or reads it from a pipe. nginx sees a password at once, a role after `nginx -s reload`.
set -euo pipefail
name=${1:-} role=${2:-} nginx=${NGINX_FOLDER:-/etc/nginx}
users=$nginx/orders/users.htpasswd operators=$nginx/orders/operators.map

if [[ ! $role =~ ^(viewer|operator|gone)$ ]]; then
  echo "Usage: user.sh NAME viewer|operator|gone" >&2; exit 2
fi
# nginx finds operators without regard to case, and takes these words for its own.
if [[ ! $name =~ ^[a-z][a-z0-9._-]*$ || $name =~ ^(default|hostnames|include|volatile)$ ]]; then
  echo "A name is of small letters, digits, . _ - and none of nginx's own words." >&2; exit 1
fi

login=""
if [ "$role" != gone ]; then
  if [ -t 0 ]; then read -rsp "Password of $name: " password; echo; else read -r password; fi
  if [ ${#password} -lt 12 ]; then
    echo "A password has 12 characters or more." >&2; exit 1
  fi
  # Not bcrypt at a high cost: nginx computes it anew for each request.
  login="$name:$(openssl passwd -6 -stdin <<<"$password")"
fi

# Replaced at once by a copy, which keeps owner and mode: a run that is killed locks nobody out.
replace() { cp -p "$1" "$1.new"; awk NF >"$1.new"; sync "$1.new"; mv "$1.new" "$1"; }
others=$(awk -F: -v name="$name" '$1 != name' "$users")
printf '%s\n' "$others" "$login" | replace "$users"
others=$(awk -v name="$name" '$1 != name' "$operators")
[ "$role" = operator ] && others+=$'\n'"$name dagster_full;"
printf '%s\n' "$others" | replace "$operators"
echo "$name is $role."
