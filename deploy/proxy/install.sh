#!/usr/bin/env bash
# install.sh HOST: installs the proxy's configuration into nginx's folder, with a self-signed certificate for HOST if
# there is none. Run it again with another name to add that name. To use your own certificate, replace orders/cert.pem
# and orders/key.pem in nginx's folder.
set -euo pipefail
host=${1:?the name by which browsers reach this machine}
if [[ ! $host =~ ^[A-Za-z0-9.:-]+$ ]]; then
  echo "A name consists of letters, digits, dots and hyphens, or is an IP address." >&2; exit 1
fi
nginx=${NGINX_FOLDER:-/etc/nginx}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

install -d "$nginx/conf.d" "$nginx/orders"
install -m 644 "$here/orders.conf" "$nginx/conf.d/orders.conf"
install -m 644 "$here/server.conf" "$here/proxy-headers.conf" "$nginx/orders"
touch "$nginx/orders/operators.map" "$nginx/orders/hosts.map" "$nginx/orders/users.htpasswd"
# nginx compares names in lower case. The configuration already allows IP addresses and localhost.
known="${host,,} 1;"
if [[ ! $host =~ ^[0-9.]+$|:|^localhost$ ]] && ! grep -qxF "$known" "$nginx/orders/hosts.map"; then
  echo "$known" >>"$nginx/orders/hosts.map"
fi
chmod 640 "$nginx/orders/users.htpasswd"
# nginx's workers read the file at each request.
if [ "$(id -u)" = 0 ] && getent group www-data >/dev/null; then
  chgrp www-data "$nginx/orders/users.htpasswd"
fi

if [ ! -s "$nginx/orders/key.pem" ]; then
  if [[ $host =~ ^[0-9.]+$|: ]]; then name=IP:$host; else name=DNS:$host; fi
  (umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 365 -subj "/CN=$host" \
    -addext "subjectAltName=$name,DNS:localhost,IP:127.0.0.1" -keyout "$nginx/orders/key.pem.new" -out "$nginx/orders/cert.pem.new" 2>/dev/null)
  for file in cert.pem key.pem; do mv "$nginx/orders/$file.new" "$nginx/orders/$file"; done
  echo "Created a self-signed certificate. Browsers warn about it until you replace it with a real one."
fi
echo "Next: $here/user.sh NAME operator, then: nginx -t && systemctl restart nginx"
