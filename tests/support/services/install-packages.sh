# Installs Debian packages without starting the services that they bring.
#
#   sh install-packages.sh POLICY-FILE PACKAGE...
#
# Packages ask the policy file (invoke-rc.d(8)) before they start a service; 101 means no. One that is there already is
# put back afterwards.
set -eu
policy=$1
shift

restore() {
  rm -f "$policy"
  if [ -e "$policy.before-pulsecart" ]; then mv "$policy.before-pulsecart" "$policy"; fi
}
trap restore EXIT
trap 'exit 1' HUP INT TERM
# One of ours can only be what a crash has left.
case $(cat "$policy" 2> /dev/null) in
  *'pulsecart is installing'*) rm "$policy" ;;
esac
if [ -e "$policy" ]; then mv "$policy" "$policy.before-pulsecart"; fi
printf '#!/bin/sh\n# pulsecart is installing packages\nexit 101\n' > "$policy"
chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
# A machine without network may still have the packages; installing then says what is missing.
apt-get update -q || true
# A fresh machine's own upgrades may hold the lock for minutes.
apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
