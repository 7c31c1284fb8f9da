#!/bin/sh
# Makes the secrets that deploy/compose/production.yml names, each with a random password, beside this file. What is there already
# stays as it is.
set -eu
cd "$(dirname "$0")"
umask 022

password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
# The services run as users of their own, who have to read what is mounted.
make() {
  if [ -e "$1" ]; then echo "$1 is there already"; return; fi
  printf '%s\n' "$2" > "$1"
  echo "$1"
}

postgres=$(password)
redis=$(password)
rabbitmq=$(password)
if [ -e postgres-password ]; then postgres=$(cat postgres-password); fi
if [ -e redis.conf ]; then redis=$(sed -n 's/^requirepass //p' redis.conf); fi
if [ -e rabbitmq.conf ]; then rabbitmq=$(sed -n 's/^default_pass = //p' rabbitmq.conf); fi
make postgres-password "$postgres"
make database-url "postgres://pulsecart:$postgres@postgres:5432/pulsecart"
make redis.conf "requirepass $redis"
make redis-url "redis://:$redis@redis:6379/0"
make rabbitmq.conf "default_user = pulsecart
default_pass = $rabbitmq"
make rabbitmq-url "amqp://pulsecart:$rabbitmq@rabbitmq:5672"
make operator-token "$(password)"
