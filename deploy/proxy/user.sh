#!/usr/bin/env bash
# user.sh NAME viewer|operator|gone: adds a user, changes the user's password or role, or removes the user. Asks for
# the password, or reads it from a pipe. A password takes effect at once, a role after `nginx -s reload`.
set -euo pipefail
name=${1:-} role=${2:-} nginx=${NGINX_FOLDER:-/etc/nginx}
users=$nginx/orders/users.htpasswd operators=$nginx/orders/operators.map

if [[ ! $role =~ ^(viewer|operator|gone)$ ]]; then
  echo "Usage: user.sh NAME viewer|operator|gone" >&2; exit 2
fi
# nginx looks operators up without regard to case, and these words are keywords of its maps.
if [[ ! $name =~ ^[a-z][a-z0-9._-]*$ || $name =~ ^(default|hostnames|include|volatile)$ ]]; then
  echo "A name consists of lower-case letters, digits and . _ -, and is none of nginx's keywords." >&2; exit 1
fi

login=""
if [ "$role" != gone ]; then
  if [ -t 0 ]; then read -rsp "Password of $name: " password; echo; else read -r password; fi
  if [ ${#password} -lt 12 ]; then
    echo "A password has 12 characters or more." >&2; exit 1
  fi
  # Not bcrypt at a high cost, because nginx computes the hash for each request.
  login="$name:$(openssl passwd -6 -stdin <<<"$password")"
fi

# Replaces a file atomically by a copy with the same owner and mode, so that a killed run locks no user out.
replace() { cp -p "$1" "$1.new"; awk NF >"$1.new"; sync "$1.new"; mv "$1.new" "$1"; }
others=$(awk -F: -v name="$name" '$1 != name' "$users")
printf '%s\n' "$others" "$login" | replace "$users"
others=$(awk -v name="$name" '$1 != name' "$operators")
[ "$role" = operator ] && others+=$'\n'"$name dagster_full;"
printf '%s\n' "$others" | replace "$operators"
echo "$name is $role."
